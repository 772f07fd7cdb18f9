"""Benchmarks of speed and quality; README.md shows their results."""

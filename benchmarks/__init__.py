"""Benchmarks of speed and quality; README.md shows their results."""

import captioning as captioning  # before all else: it names a file that hides a module

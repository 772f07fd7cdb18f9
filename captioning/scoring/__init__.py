"""Scores of captions, their intervals, and what they are compared with."""

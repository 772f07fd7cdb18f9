"""The checks, what they say, and the course's service."""

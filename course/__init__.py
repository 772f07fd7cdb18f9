"""The course: the source of its notebooks, and what builds, runs, hands out and grades them."""

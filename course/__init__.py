"""The course: the source of its notebooks, and what builds, runs, hands out and grades them."""

import captioning as captioning  # before all else: it names a file that hides a module

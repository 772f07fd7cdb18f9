"""The course: the source of its notebooks, and what builds, runs, hands out and grades them."""

from captioning import startup  # before all else: the package names a file that hides a module

# isort: split
import importlib

# nbformat needs jsonschema, which imports this module for web addresses, of which a notebook's schema asks for none. It
# takes 1.3 s of processor time.
with startup.modules_hidden(["rfc3987_syntax"]):
    importlib.import_module("jsonschema")

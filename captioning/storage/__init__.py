"""Files of our own and files from outside: written whole, locked, and checked before they are believed."""

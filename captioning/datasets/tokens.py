"""Tokens that are no words."""

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"
NEVER_WRITTEN = (PAD, UNK, START)         # tokens that no caption holds

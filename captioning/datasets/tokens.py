"""Tokens that are no words."""

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"

"""The four tokens that stand for no word."""

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"
NEVER_WRITTEN = (PAD, UNK, START)         # tokens that no caption holds

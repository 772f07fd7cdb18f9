"""The four tokens that stand for no word."""

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"

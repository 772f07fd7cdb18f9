"""Captions from a trained decoder: greedy, by beam search and sampled; also from a checkpoint alone."""

"""Training of the decoder: the loop, its two stages, checkpoints, and what makes it fast on a CPU."""

"""Loops of the compatible names: the published optimizers' iterations, and lists of pairs."""

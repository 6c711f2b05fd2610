"""The published optimizers' iterations."""

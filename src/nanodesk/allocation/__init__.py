"""Weights from scores, covariances and limits."""

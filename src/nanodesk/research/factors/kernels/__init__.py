"""Compiled loops: numbers in, numbers and a status code out."""

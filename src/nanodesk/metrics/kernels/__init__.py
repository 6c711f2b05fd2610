"""Compiled loops over ranks."""

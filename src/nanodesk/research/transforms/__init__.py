"""Transforms of factor matrices, as pure functions: along time, or across the names of one row."""

"""Market data formats: bytes in, typed messages out."""

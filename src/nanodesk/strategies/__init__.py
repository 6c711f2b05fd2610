"""Rules that turn prices into target weights."""

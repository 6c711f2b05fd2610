"""Numbers that describe returns, drawdowns, significance and the skill of a score."""

"""Pre-trade checks, limits, the loss monitor and the kill switch; it knows no broker."""

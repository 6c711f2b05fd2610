"""The look-alike of Binance Spot."""

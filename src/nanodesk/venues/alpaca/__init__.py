"""The look-alike of Alpaca."""

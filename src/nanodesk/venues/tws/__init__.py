"""The look-alike of TWS."""

"""Cross-sectional factors, one family per file."""

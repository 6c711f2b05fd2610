"""From raw data to a weight schedule and its report."""

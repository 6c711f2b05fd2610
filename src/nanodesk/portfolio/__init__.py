"""Cash, positions, costs and fills."""

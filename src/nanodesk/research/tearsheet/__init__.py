"""The tear sheet: one offline HTML page drawn from the numbers of a run."""

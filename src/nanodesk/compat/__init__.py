"""Published names of other packages over our engines."""

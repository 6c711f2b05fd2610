"""``lob --watch``: an order flow, what is read off its book, and the screen that shows it."""

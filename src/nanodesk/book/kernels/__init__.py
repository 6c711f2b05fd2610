"""Compiled loops of the book: price ladder, matching, what follows a trade, auctions, replay, state hash."""

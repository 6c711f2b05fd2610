"""Levels of a snapshot of our engine as the published ones, straight from its memory."""

import cython
from cython.cimports.libc.stdint import int64_t
from cython.cimports.nanodesk.book.snapshot import BookSnapshot
from cython.cimports.nanodesk.compat.published_level import LevelSnapshot


@cython.cfunc
def _rows(row: cython.pointer(int64_t), n: int64_t) -> list:
    levels: list = []
    level: LevelSnapshot
    i: int64_t
    for i in range(n):
        level = LevelSnapshot.__new__(LevelSnapshot)
        level.price = row[3 * i]
        level.quantity = row[3 * i + 1]
        level.order_count = row[3 * i + 2]
        levels.append(level)
    return levels


def bids(snapshot: BookSnapshot) -> list:
    """Bid levels, highest first."""
    return _rows(snapshot.data, snapshot.n_bids)


def asks(snapshot: BookSnapshot) -> list:
    """Ask levels, lowest first."""
    return _rows(snapshot.data + 3 * snapshot.n_bids, snapshot.n_asks)

"""Layout of the arrays of the batch door: commands in, answers out."""

from __future__ import annotations

import numpy as np

COMMAND_DTYPE = np.dtype(
    [
        ("kind", "u1"),
        ("side", "u1"),
        ("policy", "u1"),
        ("flags", "u1"),
        ("owner", "u4"),
        ("price", "i8"),
        ("quantity", "i8"),
        ("order_id", "i8"),
    ]
)
"""One command. kind: 0 limit, 1 market, 2 cancel, 3 modify, 4 reduce; side: 0 buy, 1 sell; policy: time in force (0
gtc, 1 ioc,
2 fok) plus 16 times the self-trade mode (0 off, 1 newest, 2 oldest, 3 both, 4 decrement); flags: 0; owner: 0 for
none."""

ANSWER_DTYPE = np.dtype(
    [
        ("order_id", "i8"),
        ("filled", "i8"),
        ("resting", "i8"),
        ("cancelled", "i8"),
        ("first_trade", "i8"),
        ("n_trades", "u4"),
        ("status", "u1"),
        ("reason", "u1"),
        ("error", "u1"),
        ("success", "u1"),
    ]
)
"""One answer: as the result of the call. Trades are ``first_trade`` to ``first_trade + n_trades - 1``; ``error`` is
0, or why the
row failed (100 and more: refused, neither run nor logged)."""

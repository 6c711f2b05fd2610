"""Where tests find market data that is too large or too restricted to ship."""

import os
from pathlib import Path

import pytest


def market_data() -> Path:
    """The folder named by ``NANODESK_DATA``, by default ``../shared/data``; skips the test where it is absent."""
    root = Path(os.environ.get("NANODESK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not root.is_dir():
        pytest.skip(f"no market data at {root}; set NANODESK_DATA")
    return root

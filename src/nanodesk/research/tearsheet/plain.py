"""Arrays, dates and records as values that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray


def plain(value: Any) -> Any:
    """The same value from ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool`` and ``None`` alone.

    Parameters
    ----------
    value : object
        Nested mappings, sequences, arrays, dates and numbers.

    Returns
    -------
    value : object
        Dates as ISO text; numbers that are not finite as ``None``, because JSON has no word for them; anything
        unknown as its ``str``.

    Examples
    --------
    >>> plain({"date": np.datetime64("2024-01-02"), "ic": np.array([0.5, np.nan])})
    {'date': '2024-01-02', 'ic': [0.5, None]}
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else str(value)


def _plain_array(values: NDArray[Any]) -> Any:
    if values.dtype.kind == "M":
        return np.datetime_as_string(values).tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        boxed = values.astype(object)
        boxed[~np.isfinite(values)] = None
        return boxed.tolist()
    return values.tolist()

"""Order ids that are never used twice, across restarts and whatever a gateway says after its settings were reset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from nanodesk.atomic_file import write_text
from nanodesk.errors import BrokerError

LARGEST_ORDER_ID: Final = 1_499_999_999
"""Ids above it are those of requests; both share one number space in error messages."""

_RESERVED_AT_ONCE: Final = 1000


class OrderIds:
    """A counter that only grows.

    A gateway keeps the counter of each client id, but "Reset API order ID sequence" in its settings sets it back,
    and a live id that is sent again *changes* the live order. So the counter also starts above every id that is
    seen on an order or a fill, and above those reserved in a file when one is given.

    Parameters
    ----------
    path : Path, optional
        Where reserved ids are kept; its folder must exist. A thousand are reserved at a time, before their use.

    Raises
    ------
    BrokerError
        If the file is not one of ours.

    Examples
    --------
    >>> ids = OrderIds()
    >>> ids.raise_to(7)
    >>> ids.take(), ids.take()
    (7, 8)
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._next = 1
        self._reserved_below = 1
        if path is not None and path.exists():
            self._next = self._reserved_below = _read(path)

    def raise_to(self, order_id: int) -> None:
        """Never hand out an id below one.

        Parameters
        ----------
        order_id : int
            Lowest id that may come next.
        """
        self._next = max(self._next, order_id)

    def take(self) -> int:
        """The next id.

        Returns
        -------
        order_id : int
            Above all before it.

        Raises
        ------
        BrokerError
            If the ids are used up.
        """
        if self._next > LARGEST_ORDER_ID:
            raise BrokerError(
                f"order id {self._next} is above {LARGEST_ORDER_ID}; the ids of this client are used up.",
                field="order id",
                value=self._next,
                fix="Use another client_id.",
            )
        if self._path is not None and self._next >= self._reserved_below:
            self._reserved_below = self._next + _RESERVED_AT_ONCE
            text = json.dumps({"schema": 1, "order_ids_reserved_below": self._reserved_below})
            write_text(self._path, text, mode=0o600)
        self._next += 1
        return self._next - 1


def _read(path: Path) -> int:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        reserved = content["order_ids_reserved_below"]
        if content["schema"] != 1 or not isinstance(reserved, int) or not 0 < reserved <= LARGEST_ORDER_ID + 1001:
            raise ValueError(f"order_ids_reserved_below={reserved!r}")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BrokerError(
            f"{path} does not hold reserved order ids ({error}).",
            field="order_id_path",
            value=str(path),
            fix="Restore the file, or delete it when no order of this client id is open.",
        ) from error
    return reserved

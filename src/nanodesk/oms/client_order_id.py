"""Our names of orders: a function of the run, the line of its plan and the attempt; never random, never of time."""

from __future__ import annotations

import hashlib
from typing import Final

from nanodesk.errors import ValidationError

LARGEST_LINE: Final = 999_999
LARGEST_ATTEMPT: Final = 999
LONGEST_RUN_ID: Final = 200

_DIGITS = 20
"""Hexadecimal digits of the run's hash: 80 bits, so that two runs of one desk never meet."""


def client_order_id(run_id: str, line: int, attempt: int = 1) -> str:
    """The id of one attempt at one line of one run.

    After a crash the same run computes the same ids, so an order that reached the venue is found by name.

    Parameters
    ----------
    run_id : str
        Name of the run, 1 to 200 characters.
    line : int
        Line of its plan, 0 to 999 999.
    attempt : int, default 1
        1 to 999; a new one only after a definite refusal.

    Returns
    -------
    client_order_id : str
        At most 31 of the characters that every venue accepts.

    Raises
    ------
    ValidationError
        If an argument is out of range.

    Examples
    --------
    >>> client_order_id("2026-11-20 open", 3)
    '11644b4e87cb49ff84e3-3-1'
    """
    if not isinstance(run_id, str) or not 0 < len(run_id) <= LONGEST_RUN_ID:
        raise ValidationError(
            f"run_id={str(run_id)[:60]!r} must be a text of 1 to {LONGEST_RUN_ID} characters.",
            field="run_id",
            value=run_id,
            allowed=f"1 to {LONGEST_RUN_ID} characters",
        )
    _require_within("line", line, 0, LARGEST_LINE)
    _require_within("attempt", attempt, 1, LARGEST_ATTEMPT)
    digest = hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:_DIGITS]}-{line}-{attempt}"


def _require_within(field: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValidationError(
            f"{field}={value!r} must be a whole number from {least} to {most}.",
            field=field,
            value=value,
            allowed=f"{least} to {most}",
        )

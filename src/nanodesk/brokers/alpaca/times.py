"""Alpaca's times, exact: RFC 3339 text with up to nine places and any offset, to nanoseconds and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from nanodesk.errors import BrokerError

SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,12}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)


def parse_time(text: str, *, field: str = "timestamp") -> int:
    """An instant.

    Parameters
    ----------
    text : str
        As ``2022-03-04T18:54:20.903569Z``; digits after the ninth are dropped.
    field : str, default "timestamp"
        Name used in the error.

    Returns
    -------
    time_ns : int
        Nanoseconds since 1970.

    Raises
    ------
    BrokerError
        If it is no such text.

    Examples
    --------
    >>> parse_time("2022-03-04T13:54:20.903569-05:00") == parse_time("2022-03-04T18:54:20.903569Z")
    True
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise BrokerError(f"{field}={text[:40]!r} is no RFC 3339 time.", field=field, value=text[:40])
    *date, fraction, sign, hours, minutes = match.groups()
    try:
        year, month, day, hour, minute, second = (int(part) for part in date)
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise BrokerError(f"{field}={text[:40]!r} is no day and time.", field=field, value=text[:40]) from None
    seconds = (whole - _EPOCH) // timedelta(seconds=1)
    if sign is not None:
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * SECOND + int((fraction or "0").ljust(9, "0")[:9])


def format_time(time_ns: int) -> str:
    """The same in UTC, with nine places.

    Parameters
    ----------
    time_ns : int
        Nanoseconds since 1970.

    Returns
    -------
    text : str
        RFC 3339.

    Examples
    --------
    >>> format_time(1_646_420_060_903_569_000)
    '2022-03-04T18:54:20.903569000Z'
    """
    seconds, fraction = divmod(time_ns, SECOND)
    return f"{(_EPOCH + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%S')}.{fraction:09d}Z"

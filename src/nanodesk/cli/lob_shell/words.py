"""One word of a line to one value: dollars to cents, times to nanoseconds, quantities, ids, trails.

Each reader raises ``ValidationError`` with a text that ends a sentence begun by the command's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from difflib import get_close_matches
from typing import Any

from nanodesk.errors import ValidationError
from nanodesk.market.units import CENTS_PER_UNIT, INT64_MAX

Reader = Callable[[str], Any]

OWNER_MAX = 2**32 - 1
NS_PER_SECOND = 1_000_000_000
PERIOD_MAX = 10_000
_LONGEST = 40
_QUANTITY = re.compile(r"[0-9][0-9_,]*")
_DOLLARS = re.compile(r"(?P<sign>[+-]?)\$?(?P<number>[0-9][0-9_,]*(?:\.[0-9]*)?|\.[0-9]+)")
_CLOCK = re.compile(r"(?P<hours>[0-9]{1,4}):(?P<minutes>[0-5][0-9])(?::(?P<seconds>[0-5][0-9](?:\.[0-9]{1,9})?))?")
_SECONDS = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?")
_MULTIPLE = re.compile(r"(?P<multiple>[0-9]{1,6}(?:\.[0-9]{1,6})?)\*(?P<measure>atr|sma)(?P<period>[0-9]{1,5})")
_MEASURES = {"atr": "wilder_atr", "sma": "sma_abs_change"}


@dataclass(frozen=True, slots=True)
class Trail:
    """How far a stop trails behind the best print.

    Parameters
    ----------
    trail_type : str
        Method of the engine.
    trail_value : int or float
        Cents, fraction, or multiplier.
    atr_period : int or None, default None
        Prints in the average, for the two methods that average.
    """

    trail_type: str
    trail_value: int | float
    atr_period: int | None = None


def quoted(word: str) -> str:
    """A word as it may be shown: escaped, and cut if it is long.

    Parameters
    ----------
    word : str
        What was typed.

    Returns
    -------
    text : str
        In quotes.
    """
    return repr(word if len(word) <= _LONGEST else word[: _LONGEST - 1] + "…")


def nearest(word: str, words: tuple[str, ...]) -> str:
    """A hint at the word that may have been meant.

    Parameters
    ----------
    word : str
        What was typed.
    words : tuple of str
        What there is.

    Returns
    -------
    hint : str
        ``" Did you mean buy?"``, or nothing.
    """
    close = get_close_matches(word.lower()[:_LONGEST], words, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def refuse(text: str, word: str) -> ValidationError:
    """The error of one word.

    Parameters
    ----------
    text : str
        What is wrong, after the command's name.
    word : str
        What was typed.

    Returns
    -------
    error : ValidationError
        To be raised.
    """
    return ValidationError(text, value=word)


def read_price(word: str) -> int:
    """Dollars to cents, half a cent up.

    Parameters
    ----------
    word : str
        ``100.50``, ``$100.5``, ``1,000``.

    Returns
    -------
    cents : int
        At least 1.

    Raises
    ------
    ValidationError
        If it is no number of dollars above zero.

    Examples
    --------
    >>> read_price("100.50"), read_price("$1,000"), read_price(".005")
    (10050, 100000, 1)
    """
    cents = read_offset(word)
    if cents <= 0:
        raise refuse(f"price {quoted(word)} must be at least one cent.", word)
    return cents


def read_offset(word: str) -> int:
    """Dollars to cents, of either sign.

    Parameters
    ----------
    word : str
        ``-0.05``, ``+1``.

    Returns
    -------
    cents : int
        Half a cent is rounded away from zero.

    Raises
    ------
    ValidationError
        If it is no number of dollars.
    """
    match = _DOLLARS.fullmatch(word)
    if match is None:
        raise refuse(f"{quoted(word)} is no price in dollars, like 100.50.", word)
    number = match["number"].replace(",", "").replace("_", "")
    if len(number.partition(".")[0].lstrip("0")) <= len(str(INT64_MAX)):
        with localcontext(prec=len(number) + 4):
            cents = int((Decimal(number) * CENTS_PER_UNIT).to_integral_value(ROUND_HALF_UP))
        if cents < INT64_MAX:
            return -cents if match["sign"] == "-" else cents
    raise refuse(f"price {quoted(word)} is too large: at most ${(INT64_MAX - 1) // CENTS_PER_UNIT:,}.", word)


def read_quantity(word: str) -> int:
    """A whole number above zero.

    Parameters
    ----------
    word : str
        ``100`` or ``1,000``.

    Returns
    -------
    quantity : int
        1 to 2**63 - 1.

    Raises
    ------
    ValidationError
        If it is not.
    """
    quantity = _whole(word, "quantity", "a whole number, like 100")
    if quantity == 0:
        raise refuse(f"quantity {quoted(word)} must be at least 1.", word)
    return quantity


def read_position(word: str) -> int:
    """A signed whole number.

    Parameters
    ----------
    word : str
        ``-100``.

    Returns
    -------
    quantity : int
        Negative is short.

    Raises
    ------
    ValidationError
        If it is not.
    """
    sign = -1 if word.startswith("-") else 1
    return sign * _whole(word.removeprefix("-").removeprefix("+"), "position", "a whole number, like -100")


def read_id(word: str) -> int:
    """An order's id.

    Parameters
    ----------
    word : str
        ``3`` or, as it is shown, ``O3``.

    Returns
    -------
    order_id : int
        At least 1.

    Raises
    ------
    ValidationError
        If it is not.
    """
    order_id = _whole(word[1:] if word[:1] in "Oo" else word, "order", "an order id, like 3")
    if order_id == 0:
        raise refuse("order ids begin at 1.", word)
    return order_id


def read_owner(word: str) -> int:
    """An owner's number.

    Parameters
    ----------
    word : str
        ``7``.

    Returns
    -------
    owner : int
        1 to 2**32 - 1.

    Raises
    ------
    ValidationError
        If it is not.
    """
    owner = _whole(word, "owner", "a number, like 7")
    if not 1 <= owner <= OWNER_MAX:
        raise refuse(f"owner {quoted(word)} must be 1 to {OWNER_MAX:,}.", word)
    return owner


def read_time(word: str) -> int:
    """A time of the session to nanoseconds.

    Parameters
    ----------
    word : str
        ``15:30``, ``9:30:00.5`` or seconds.

    Returns
    -------
    time_ns : int
        Nanoseconds from the session's zero.

    Raises
    ------
    ValidationError
        If it is not.

    Examples
    --------
    >>> read_time("00:01:00.5"), read_time("2")
    (60500000000, 2000000000)
    """
    clock = _CLOCK.fullmatch(word)
    if clock is None and _SECONDS.fullmatch(word) is None:
        raise refuse(f"{quoted(word)} is no time, like 15:30 or 15:30:05 or a number of seconds.", word)
    seconds = Decimal(word if clock is None else clock["seconds"] or 0)
    whole = 0 if clock is None else int(clock["hours"]) * 3600 + int(clock["minutes"]) * 60
    nanos = int((whole + seconds) * NS_PER_SECOND)
    if nanos > INT64_MAX:
        raise refuse(f"time {quoted(word)} is too large.", word)
    return nanos


def read_trail(word: str) -> Trail:
    """A distance behind the market.

    Parameters
    ----------
    word : str
        ``2.00`` dollars, ``5%``, ``2*atr14`` or ``2*sma14``.

    Returns
    -------
    trail : Trail
        Method, value and period of the engine.

    Raises
    ------
    ValidationError
        If it is none of these.

    Examples
    --------
    >>> read_trail("5%")
    Trail(trail_type='percentage', trail_value=0.05, atr_period=None)
    """
    multiple = _MULTIPLE.fullmatch(word.lower())
    if multiple is not None:
        trail = Trail(_MEASURES[multiple["measure"]], float(multiple["multiple"]), int(multiple["period"]))
        if trail.trail_value == 0 or not 1 <= int(multiple["period"]) <= PERIOD_MAX:
            raise refuse(f"{quoted(word)}: the multiple must be above 0 and the prints 1 to {PERIOD_MAX:,}.", word)
        return trail
    number = word.removesuffix("%")
    if _DOLLARS.fullmatch(number) is None:
        raise refuse(f"{quoted(word)} is no distance: say 2.00 (dollars), 5%, 2*atr14 or 2*sma14.", word)
    if number == word:
        return Trail("fixed", read_price(word))
    fraction = float(number.replace("$", "").replace(",", "").replace("_", "")) / 100
    if not 0 < fraction <= 1:
        raise refuse(f"{quoted(word)} must be above 0% and at most 100%.", word)
    return Trail("percentage", fraction)


def read_path(word: str) -> str:
    """A file's name, with or without quotes.

    Parameters
    ----------
    word : str
        The rest of the line.

    Returns
    -------
    path : str
        As typed.

    Raises
    ------
    ValidationError
        If it is empty or no name that a file can have.
    """
    path = word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word
    if not path or not path.isprintable():
        raise refuse(f"{quoted(word)} is no file name.", word)
    return path


class Choice:
    """A reader of a few fixed words, in any case.

    Parameters
    ----------
    **words : object
        Value of each word.
    """

    def __init__(self, **words: object) -> None:
        self.words = words

    def __call__(self, word: str) -> Any:
        if word.lower() in self.words:
            return self.words[word.lower()]
        # Of several words with one value the first is the full one.
        full = {value: name for name, value in reversed(self.words.items())}
        hint = nearest(word, tuple(self.words))
        raise refuse(f"{quoted(word)} is none of {', '.join(reversed(full.values()))}.{hint}", word)


def _whole(word: str, name: str, meaning: str) -> int:
    if _QUANTITY.fullmatch(word) is None:
        raise refuse(f"{name} {quoted(word)} is not {meaning}.", word)
    digits = word.replace(",", "").replace("_", "").lstrip("0") or "0"
    if len(digits) > len(str(INT64_MAX)) or int(digits) > INT64_MAX:
        raise refuse(f"{name} {quoted(word)} is too large: at most {INT64_MAX:,}.", word)
    return int(digits)

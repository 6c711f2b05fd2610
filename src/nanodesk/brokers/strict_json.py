"""JSON of a venue. It is read strictly: no ``NaN``, no infinity, no key twice, no lossy number, bounded size and depth.

Python's own reader accepts ``NaN`` and ``1e999``, keeps the last of two equal keys without a word and turns
decimals into binary fractions; each of these is a wrong order waiting to happen.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from nanodesk.errors import BrokerError

MAX_BYTES: Final = 16 * 1024 * 1024
"""Largest document that is read; the list of instruments of a large venue is some megabytes."""

MAX_DEPTH: Final = 64
"""Deepest nesting; no venue's message needs a dozen."""

# Possessive, and a stretch at a time: neither a million strings nor a million escapes may cost memory.
_QUOTED = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_STRETCH = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+"){1,10000}+', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LONGEST_NUMBER = 64


class _UnreadableError(ValueError):
    """Why a document was refused; becomes a BrokerError at the edge."""


def parse_json(data: bytes | str, *, what: str = "answer", max_bytes: int = MAX_BYTES) -> Any:
    """Read one JSON document from outside.

    Parameters
    ----------
    data : bytes or str
        The document, UTF-8.
    what : str, default "answer"
        What it is, for the error; the document itself is never quoted.
    max_bytes : int, default 16 MiB
        Refused above this size.

    Returns
    -------
    value : object
        Dictionaries, lists, text, ``bool``, ``None``, ``int`` and :class:`~decimal.Decimal`.

    Raises
    ------
    BrokerError
        If the document is too large, too deep, no JSON, or holds what no venue may send.

    Examples
    --------
    >>> parse_json(b'{"price": 0.10, "id": 7}')
    {'price': Decimal('0.10'), 'id': 7}
    >>> parse_json('{"a": 1, "a": 2}')
    Traceback (most recent call last):
        ...
    nanodesk.errors.BrokerError: The answer cannot be read: the key 'a' appears twice.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    try:
        if len(raw) > max_bytes:
            raise _UnreadableError(f"{len(raw)} bytes are more than {max_bytes}")
        _require_shallow(raw)
        return _DECODER.decode(raw.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BrokerError(f"The {what} cannot be read: it is no JSON document.", field=what) from _bare(error)
    except _UnreadableError as error:
        raise BrokerError(f"The {what} cannot be read: {error}.", field=what) from None
    except RecursionError:
        raise BrokerError(f"The {what} cannot be read: it nests too deeply.", field=what) from None


def json_writer(*, sort_keys: bool = False) -> Callable[[Any], str]:
    """How JSON is written: in ASCII, without spaces, floats as Python shows them.

    Parameters
    ----------
    sort_keys : bool, default False
        Whether the same value always gives the same text.

    Returns
    -------
    write : callable
        Takes a value without cycles, gives its text.

    Examples
    --------
    >>> json_writer(sort_keys=True)({"b": [1, "x"], "a": None})
    '{"a":null,"b":[1,"x"]}'
    """
    encoder = json.JSONEncoder(sort_keys=sort_keys, separators=(",", ":"), check_circular=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    # The standard encoder makes this one anew for every text, which takes longer than a short text itself.
    quoted = json.encoder.encode_basestring_ascii
    pieces = make(None, encoder.default, quoted, None, ":", ",", sort_keys, False, True)
    return lambda value: "".join(pieces(value, 0))


def _bare(error: Exception) -> Exception:
    # The decoder's errors carry the whole document, which may hold an account; only the kind is passed on.
    return ValueError(type(error).__name__)


def _require_shallow(raw: bytes) -> None:
    # Every bracket inside the bound is the common case, seen by two counts at C speed. Else the text is reduced to
    # its brackets outside of strings, and the innermost pairs are removed, one level a pass. What follows a string
    # without an end is not looked at: that is no JSON.
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    left, at = b"", 0
    while (stretch := _STRETCH.match(raw, at)) is not None:
        left += _QUOTED.sub(b"", stretch[0]).translate(None, _NOT_BRACKETS)
        at = stretch.end()
    for _ in range(MAX_DEPTH):
        if not left:
            return
        left = left.replace(b"[]", b"").replace(b"{}", b"")
    if left:
        raise _UnreadableError(f"it nests deeper than {MAX_DEPTH} levels")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise _UnreadableError(f"the key {twice[:40]!r} appears twice")
    return found


def exact_decimal(text: str) -> Decimal:
    """A number with a point or an exponent, exactly as written.

    Parameters
    ----------
    text : str
        As a JSON or TOML reader found it.

    Returns
    -------
    number : Decimal
        Finite, of at most 64 characters and of an exponent of at most 64.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if len(text) > _LONGEST_NUMBER:
        raise _UnreadableError(f"a number has {len(text)} characters")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _UnreadableError("a number cannot be read") from None
    if not number.is_finite() or abs(number.adjusted()) > _LONGEST_NUMBER:
        raise _UnreadableError("a number is out of all proportion")
    return number


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise _UnreadableError(f"a number has {len(text)} characters")
    return int(text)


def _no_constant(name: str) -> Any:
    raise _UnreadableError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_float=exact_decimal, parse_int=_integer, parse_constant=_no_constant
)

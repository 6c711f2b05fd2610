"""Framing of the TWS socket: four bytes of length, then fields of UTF-8 text, each ended by a NUL.

Both ends of the wire use this file: the adapter reads what a gateway sends, the loopback venue what a client
sends. Whatever the bytes, only :class:`~nanodesk.errors.FeedError` leaves it, and no length prefix is believed
past the limit that Interactive Brokers states for its own client.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from nanodesk.errors import FeedError, TruncatedMessageError, ValidationError
from nanodesk.market.fixed_point import DECIMALS, parse_e9

MAX_FRAME_BYTES: Final = 0xFFFFFF
"""Longest body that is read, 16 MiB less one byte: the limit in the vendor's own client."""

MAX_FIELDS: Final = 100_000
"""Most fields of one message; the widest known layout has below two thousand."""

UNSET_INTEGER: Final = 2147483647
UNSET_DOUBLE: Final = "1.7976931348623157E308"
"""How the protocol writes "no value" where a number stands."""

_UNSET_AMOUNTS: Final = frozenset(
    ("", UNSET_DOUBLE, "1.7976931348623157E+308", str(UNSET_INTEGER), str(2**63 - 1), str(-(2**63)))
)
"""Sizes are decimals of the gateway's own, and it writes "no value" of those in either of its integer ways too."""

_LENGTH = struct.Struct(">I")


def frame(fields: Iterable[object]) -> bytes:
    """One message ready for the socket.

    Parameters
    ----------
    fields : iterable of object
        Written by ``str``; ``None`` is the empty field and a truth value is ``1`` or ``0``.

    Returns
    -------
    message : bytes
        Length prefix and body.

    Raises
    ------
    ValidationError
        If a field holds a NUL, which would cut it in two.

    Examples
    --------
    >>> frame([9, 1, 42])
    b'\\x00\\x00\\x00\\x079\\x001\\x0042\\x00'
    """
    texts = [_text(field) for field in fields]
    for text in texts:
        if "\0" in text:
            raise ValidationError(
                f"field {text[:40]!r} holds a NUL, which ends a field.", field="fields", value=text, allowed="no NUL"
            )
    return frame_body("".join(f"{text}\0" for text in texts).encode("utf-8", "surrogateescape"))


def _text(field: object) -> str:
    if field is None:
        return ""
    if isinstance(field, bool):
        return "1" if field else "0"
    return str(field)


def frame_body(body: bytes) -> bytes:
    """A body behind its length prefix.

    Parameters
    ----------
    body : bytes
        What the frame carries.

    Returns
    -------
    message : bytes
        Four bytes of length, then the body.
    """
    return _LENGTH.pack(len(body)) + body


def split_body(body: bytes) -> list[str]:
    """Fields of one body.

    Parameters
    ----------
    body : bytes
        As it stood behind its length prefix.

    Returns
    -------
    fields : list of str
        At least one; bytes that are no UTF-8 are kept as backslash escapes.

    Raises
    ------
    FeedError
        If the body is empty, does not end with a NUL, or holds too many fields.
    """
    if not body:
        raise FeedError("A frame of the TWS socket is empty.", field="length", value=0, allowed="1 or more")
    if body[-1] != 0:
        raise TruncatedMessageError(
            f"A message of {len(body)} bytes does not end its last field: {body[-20:]!r}.", field="body"
        )
    if body.count(b"\0") > MAX_FIELDS:
        raise FeedError(f"A message has more than {MAX_FIELDS} fields.", field="body", allowed=f"up to {MAX_FIELDS}")
    return body[:-1].decode("utf-8", "backslashreplace").split("\0")


class FrameBuffer:
    """Cuts a stream of bytes into bodies, whatever the sizes in which it arrives.

    Parameters
    ----------
    max_frame_bytes : int, default 16 MiB less one
        Longest body that is waited for.

    Examples
    --------
    >>> buffer = FrameBuffer()
    >>> list(buffer.feed(frame([49, 1, 7])[:6])), list(buffer.feed(frame([49, 1, 7])[6:]))
    ([], [b'49\\x001\\x007\\x00'])
    """

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max = max_frame_bytes
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Bodies that the bytes complete.

        Parameters
        ----------
        data : bytes
            What the socket gave.

        Yields
        ------
        body : bytes
            One frame's body; empty for a frame of length zero.

        Raises
        ------
        FeedError
            If a length prefix is above the limit; nothing after it can be read.
        """
        self._data += data
        start = 0
        try:
            while len(self._data) - start >= _LENGTH.size:
                length = _LENGTH.unpack_from(self._data, start)[0]
                if length > self._max:
                    raise FeedError(
                        f"A frame says it is {length} bytes long; at most {self._max} are read.",
                        field="length",
                        value=length,
                        allowed=f"0 to {self._max}",
                        fix="Check that the port is that of TWS or IB Gateway.",
                    )
                end = start + _LENGTH.size + length
                if len(self._data) < end:
                    return
                body = bytes(self._data[start + _LENGTH.size : end])
                start = end
                yield body
        finally:
            del self._data[:start]

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._data)


class FieldReader:
    """Reads the fields of one message in order and names what cannot be read.

    Parameters
    ----------
    fields : sequence of str
        The message, its id first.
    message : str
        Name used in errors.
    start : int, default 1
        First field to read.
    """

    def __init__(self, fields: Sequence[str], message: str, start: int = 1) -> None:
        self._fields = fields
        self._message = message
        self._next = start

    def __len__(self) -> int:
        return max(len(self._fields) - self._next, 0)

    @property
    def is_unset(self) -> bool:
        """Whether the next field holds no amount."""
        return self._next < len(self._fields) and _is_unset(self._fields[self._next])

    def skip(self, count: int = 1) -> None:
        """Pass over fields.

        Parameters
        ----------
        count : int, default 1
            How many.
        """
        for _ in range(count):
            self.text("skipped")

    def text(self, name: str) -> str:
        """The next field.

        Parameters
        ----------
        name : str
            What it is called in an error.

        Returns
        -------
        text : str
            As sent.

        Raises
        ------
        TruncatedMessageError
            If the message ends before it.
        """
        if self._next >= len(self._fields):
            raise TruncatedMessageError(
                f"{self._message} ends after {len(self._fields)} fields, before {name}.", field=name
            )
        text = self._fields[self._next]
        self._next += 1
        return text

    def integer(self, name: str, default: int = 0) -> int:
        """The next field as a whole number.

        Parameters
        ----------
        name : str
            What it is called in an error.
        default : int, default 0
            What an empty or unset field means.

        Returns
        -------
        number : int
            Within 64 bits.

        Raises
        ------
        FeedError
            If it is no whole number.
        """
        text = self.text(name)
        if text in ("", str(UNSET_INTEGER)):
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise self._refused(name, text, "a whole number")
        return int(text)

    def flag(self, name: str) -> bool:
        """The next field as a truth value.

        Parameters
        ----------
        name : str
            What it is called in an error.

        Returns
        -------
        flag : bool
            False when empty.
        """
        return self.integer(name) != 0

    def amount_e9(self, name: str) -> int | None:
        """The next field as an exact amount.

        Parameters
        ----------
        name : str
            What it is called in an error.

        Returns
        -------
        amount_e9 : int or None
            In billionths; ``None`` when unset.

        Raises
        ------
        FeedError
            If it is no decimal number, or needs more than nine places.
        """
        text = self.text(name)
        if _is_unset(text):
            return None
        try:
            return parse_e9(text, field=name)
        except ValidationError as error:
            raise self._refused(name, text, f"a decimal number with at most {DECIMALS} places") from error

    def mean_e9(self, name: str) -> int:
        """The next field as an amount that is a quotient, rounded to billionths.

        Parameters
        ----------
        name : str
            What it is called in an error.

        Returns
        -------
        amount_e9 : int
            0 when unset; half to even past nine places.

        Raises
        ------
        FeedError
            If it is no decimal number.
        """
        text = self.text(name)
        if _is_unset(text):
            return 0
        try:
            number = Decimal(text) if len(text) <= 60 else Decimal("NaN")
            if not number.is_finite() or number.adjusted() > 17:
                raise InvalidOperation
            scaled = int(number.scaleb(DECIMALS).to_integral_value()) if number.adjusted() >= -30 else 0
        except InvalidOperation as error:
            raise self._refused(name, text, "a decimal number") from error
        return scaled

    def _refused(self, name: str, text: str, allowed: str) -> FeedError:
        return FeedError(
            f"{self._message}: {name}={text[:40]!r} is not {allowed}.", field=name, value=text[:200], allowed=allowed
        )


def _is_unset(text: str) -> bool:
    return text.upper() in _UNSET_AMOUNTS

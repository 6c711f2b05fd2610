"""Seeded, structure-aware damage: valid texts are cut into tokens, and tokens are swapped, doubled, lost and replaced.

Whole tokens are changed more often than bytes, so that most of what comes out still looks like the format and reaches
the code behind the reader of the format.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence

Tokens = list[bytes]

NUMBERS = [
    b"0", b"-0", b"1", b"-1", b"0.1", b"-0.0", b"1e999", b"-1e999", b"1e-999", b"1e9", b"0.0000000001", b"NaN", b"nan",
    b"Infinity", b"inf", b"-inf", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809",
    b"9223372036.854775807", b"1.7976931348623157E308", b"2147483647", b"2147483648", b"9" * 20, b"9" * 66,
    b"9" * 401, b"0x10", b"1_000", b"01", b"1.", b".5", b"+1", b"--1", b"1e", b"\xd9\xa3", b"\xef\xbc\x91",
]  # fmt: skip
WORDS = [
    b"", b" ", b"true", b"false", b"null", b"None", b"../../etc/passwd", b"..", b".", b"/", b"\\", b"C:\\x", b"CON",
    b"-rf", b"--help", b"%00", b"%2e%2e", b"\x00", b"\n", b"\r\n", b"\t", b"\x1b[31m", b"\x7f", b"\xff\xfe",
    b"\xc0\x80", b"\xed\xa0\x80", b"\xf0\x9f\x92\xa9",
    "\u202e".encode(), "\u200b".encode(), "\ufeff".encode(), "А".encode(),
    "ﬁ".encode(), "é".encode(), "é".encode(), "ｱ".encode(), b"$(id)", b"`id`", b"{}", b"[]", b"%s%n", b"{0.__class__}",
    b"__proto__", b"a" * 33, b"a" * 300, b"\\u0000", b"\\ud800", b"AAPL", b"BTCUSDT", b"BUY", b"SELL", b"LIMIT",
    b"FILLED", b"2024-01-31T21:00:00Z", b"2024-02-30T00:00:00Z", b"9999-12-31T23:59:59.999999999Z",
    b"0001-01-01T00:00:00+23:59",
]  # fmt: skip
RARE = [
    b"[" * 70,
    b"[" * 100_000,
    b'{"a":' * 2_000,
    b"a." * 3_000,
    b"9" * 5_000,
    b"x" * 70_000,
    b"(" * 400,
    b"\x00" * 3_000,
]

_JSON = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[A-Za-z_]+|\s+|.', re.DOTALL)
_TOML = re.compile(rb'"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|[A-Za-z0-9_-]+|[ \t]+|.', re.DOTALL)
_TEXT = re.compile(rb"[A-Za-z0-9]+|.", re.DOTALL)


def json_tokens(text: bytes) -> Tokens:
    """Strings, numbers, words and signs."""
    return _JSON.findall(text)


def toml_tokens(text: bytes) -> Tokens:
    """Strings, bare words and signs, line ends among them."""
    return _TOML.findall(text)


def text_tokens(text: bytes) -> Tokens:
    """Runs of letters and digits, and single signs."""
    return _TEXT.findall(text)


def field_tokens(text: bytes) -> Tokens:
    """Fields that a NUL ends."""
    return text.split(b"\0")


def quoted(values: Sequence[bytes]) -> Tokens:
    """The same values as strings of JSON or TOML."""
    return [b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"' for value in values]


class Mutator:
    """Damages valid examples of one format.

    Parameters
    ----------
    seeds : sequence of bytes
        Valid texts.
    split : callable
        From a text to its tokens.
    joint : bytes
        What stood between tokens.
    words : sequence of bytes
        Tokens worth trying anywhere, beside those of the examples.
    """

    def __init__(
        self,
        seeds: Sequence[bytes],
        split: Callable[[bytes], Tokens],
        *,
        joint: bytes = b"",
        words: Sequence[bytes] = (),
    ) -> None:
        self.seeds = [split(seed) for seed in seeds]
        self.joint = joint
        self.words = [*NUMBERS, *WORDS, *words]
        self.own = sorted({token for tokens in self.seeds for token in tokens})

    def __call__(self, rng: random.Random) -> bytes:
        """One damaged text.

        Parameters
        ----------
        rng : random.Random
            Decides everything.
        """
        draw = rng.random
        tokens = list(self.seeds[int(draw() * len(self.seeds))])
        changes = 1
        while changes < 12 and draw() < 0.5:
            changes += 1
        for _ in range(changes):
            self._change(tokens, draw)
        text = self.joint.join(tokens)
        if draw() < 0.15:
            text = _spoiled(text, draw)
        return text

    def _change(self, tokens: Tokens, draw: Callable[[], float]) -> None:
        if not tokens:
            tokens.append(self.words[int(draw() * len(self.words))])
            return
        at, what = int(draw() * len(tokens)), draw()
        if what < 0.40:
            tokens[at] = self._token(draw)
        elif what < 0.50:
            tokens.insert(at, self._token(draw))
        elif what < 0.64:
            del tokens[at : at + 1 + int(draw() ** 3 * 12)]
        elif what < 0.76:
            tokens[at:at] = tokens[at : at + 1 + int(draw() ** 3 * 24)]
        elif what < 0.88:
            other = int(draw() * len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif what < 0.93:
            other_seed = self.seeds[int(draw() * len(self.seeds))]
            tokens[at:] = other_seed[int(draw() * len(other_seed)) :]
        elif what < 0.998:
            del tokens[at:]
        else:
            tokens.insert(at, RARE[int(draw() * len(RARE))])

    def _token(self, draw: Callable[[], float]) -> bytes:
        source = self.own if draw() < 0.4 and self.own else self.words
        return source[int(draw() * len(source))]


def _spoiled(text: bytes, draw: Callable[[], float]) -> bytes:
    if not text:
        return bytes((int(draw() * 256),))
    spoiled = bytearray(text)
    for _ in range(1 + int(draw() ** 2 * 4)):
        spoiled[int(draw() * len(spoiled))] = int(draw() * 256)
    return bytes(spoiled)


class TreeMutator:
    """Damages values inside valid JSON, so that every text is read and its fields are judged.

    Parameters
    ----------
    values : sequence of object
        Valid documents, as read.
    words : sequence of object
        Values worth trying anywhere.
    """

    def __init__(self, values: Sequence[object], words: Sequence[object] = ()) -> None:
        self.values = values
        self.words = [*_VALUES, *words]

    def __call__(self, rng: random.Random) -> bytes:
        """One damaged document.

        Parameters
        ----------
        rng : random.Random
            Decides everything.
        """
        return json.dumps(self.value(rng)).encode()

    def value(self, rng: random.Random) -> object:
        """The document before it is written.

        Parameters
        ----------
        rng : random.Random
            Decides everything.
        """
        draw = rng.random
        value = self.values[int(draw() * len(self.values))]
        changes = 1
        while changes < 6 and draw() < 0.4:
            changes += 1
        for _ in range(changes):
            value = self._changed(value, draw)
        return value

    def _changed(self, value: object, draw: Callable[[], float]) -> object:
        if isinstance(value, dict) and value and draw() < 0.95:
            key = list(value)[int(draw() * len(value))]
            what = draw()
            if what < 0.06:
                return {name: inner for name, inner in value.items() if name != key}
            if what < 0.10:
                return {str(self._word(draw)) if name == key else name: inner for name, inner in value.items()}
            return {**value, key: self._changed(value[key], draw)}
        if isinstance(value, list) and value and draw() < 0.95:
            at, what = int(draw() * len(value)), draw()
            if what < 0.08:
                return value[:at] + value[at + 1 :]
            if what < 0.16:
                return value[: at + 1] + value[at:]
            return [*value[:at], self._changed(value[at], draw), *value[at + 1 :]]
        if isinstance(value, str) and value and draw() < 0.3:
            at = int(draw() * len(value))
            return value[:at] + chr(32 + int(draw() * 96)) + value[at + 1 :]
        if draw() < 0.05:
            return [value] if draw() < 0.5 else {"x": value}
        return self._word(draw)

    def _word(self, draw: Callable[[], float]) -> object:
        return self.words[int(draw() * len(self.words))]


_VALUES: list[object] = [
    *(word.decode("utf-8", "replace") for word in (*NUMBERS, *WORDS)), None, True, False, 0, 1, -1, 2**31, 2**63,
    -(2**63) - 1, 10**18, 10**40, 0.1, -0.0, 1e300, 5e-324, [], {}, [[]], [None], {"": 0}, "\ud800", "\x00",
]  # fmt: skip

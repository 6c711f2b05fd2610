"""Faults of a venue, written in advance: which request, connection or event goes wrong, and how."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, unique
from pathlib import Path
from typing import Any, Final

from nanodesk.brokers.paper.quotes import read_table
from nanodesk.brokers.paper.values import EventKind
from nanodesk.errors import ConfigError, ValidationError


@unique
class FaultPoint(Enum):
    """Where a fault strikes: a new connection, a request of a client, an event to a client, or the venue itself."""

    __hash__ = object.__hash__  # members are looked up for every message; the enum's own hash is a call of Python

    CONNECT = "connect"
    REQUEST = "request"
    EVENT = "event"
    VENUE = "venue"


@unique
class FaultKind(Enum):
    """What goes wrong."""

    REFUSE_CONNECT = "refuse_connect"
    ID_IN_USE = "id_in_use"
    HALF_OPEN = "half_open"
    BLACK_HOLE = "black_hole"
    RESET_BEFORE_ACCEPT = "reset_before_accept"
    RESET_AFTER_ACCEPT = "reset_after_accept"
    SLOW_TRICKLE = "slow_trickle"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    PACING_DISCONNECT = "pacing_disconnect"
    ERROR_BEFORE_ACCEPT = "error_before_accept"
    ERROR_AFTER_ACCEPT = "error_after_accept"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    OVERSIZE = "oversize"
    PARTIAL_THEN_DISCONNECT = "partial_then_disconnect"
    CANCEL_RACES_FILL = "cancel_races_fill"
    LATE_FILL = "late_fill"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    GAP = "gap"
    MUTE = "mute"
    CLOCK_OFFSET = "clock_offset"
    RESTART = "restart"
    BUST = "bust"
    CORRECT = "correct"
    MANUAL_ORDER = "manual_order"
    SPLIT = "split"
    SYMBOL_CHANGE = "symbol_change"


_CONNECTION = {FaultKind.REFUSE_CONNECT, FaultKind.ID_IN_USE, FaultKind.HALF_OPEN, FaultKind.BLACK_HOLE}
_BYTES = {FaultKind.MALFORMED, FaultKind.TRUNCATED, FaultKind.OVERSIZE, FaultKind.SLOW_TRICKLE}
_STREAM = {FaultKind.DUPLICATE, FaultKind.REORDER, FaultKind.GAP, FaultKind.MUTE}
_VENUE = {
    FaultKind.LATE_FILL,
    FaultKind.CLOCK_OFFSET,
    FaultKind.RESTART,
    FaultKind.BUST,
    FaultKind.CORRECT,
    FaultKind.MANUAL_ORDER,
    FaultKind.SPLIT,
    FaultKind.SYMBOL_CHANGE,
}

POINTS: Final[Mapping[FaultPoint, frozenset[FaultKind]]] = {
    FaultPoint.CONNECT: frozenset(_CONNECTION | {FaultKind.RATE_LIMITED, FaultKind.BANNED}),
    FaultPoint.REQUEST: frozenset(set(FaultKind) - _STREAM - _VENUE - {FaultKind.REFUSE_CONNECT, FaultKind.ID_IN_USE}),
    FaultPoint.EVENT: frozenset(_STREAM | _BYTES | {FaultKind.RESET_AFTER_ACCEPT, FaultKind.BLACK_HOLE}),
    FaultPoint.VENUE: frozenset(_VENUE),
}
"""Which kinds may strike where."""

_OVERSIZE_BYTES: Final = 17 * 1024 * 1024
"""More than any frame of any venue may have."""

REQUESTS: Final = (
    "new",
    "cancel",
    "replace",
    "status",
    "open_orders",
    "executions",
    "account",
    "positions",
    "quote",
    "rules",
    "time",
    "subscribe",
    "login",
    "other",
)
"""Names of requests, the same at every venue; each venue says which of its endpoints is which."""


_EVENTS: Final = tuple(kind.value for kind in EventKind)
_NAMES: Final[Mapping[FaultPoint, tuple[str, ...]]] = {
    FaultPoint.CONNECT: (),
    FaultPoint.REQUEST: REQUESTS,
    FaultPoint.EVENT: _EVENTS,
    FaultPoint.VENUE: _EVENTS,
}
_LONGEST_S: Final = 31 * 86_400.0
_NUMBER: Final = r"\d{1,9}(\.\d{1,9})?"
_VALUES: Final[Mapping[FaultKind, tuple[re.Pattern[str], str]]] = {
    FaultKind.CORRECT: (re.compile(_NUMBER), "184.50"),
    FaultKind.SPLIT: (re.compile(r"[1-9]\d{0,5}:[1-9]\d{0,5}"), "4:1"),
    FaultKind.MANUAL_ORDER: (re.compile(rf"(buy|sell) {_NUMBER} \S{{1,32}}"), "buy 10 AAPL"),
    FaultKind.SYMBOL_CHANGE: (re.compile(r"\S{1,32}"), "META"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule of the fault file.

    Parameters
    ----------
    kind : FaultKind
        What goes wrong.
    at : FaultPoint, default REQUEST
        Where.
    match : str, default ""
        Name of the request (one of :data:`REQUESTS`) or of the event (a value of ``EventKind``); empty for all.
        A fault of the venue itself strikes after the event.
    nth : int, default 1
        The first matching occasion that is struck, counted from 1.
    count : int, default 1
        How many occasions from there on are struck; 0 for all.
    probability : float, default 1.0
        Chance of each of them, drawn from the seed.
    seconds : float, default 0.0
        Length of a delay, a mute or a step of the clock; for a trickle the pause between two bytes.
    value : str, default ""
        What the kind needs: a price, a ratio ``"4:1"``, a new symbol, ``"buy 10 AAPL"``.
    """

    kind: FaultKind
    at: FaultPoint = FaultPoint.REQUEST
    match: str = ""
    nth: int = 1
    count: int = 1
    probability: float = 1.0
    seconds: float = 0.0
    value: str = ""


class FaultInjector:
    """Decides, occasion by occasion, what goes wrong; the same rules, seed and occasions give the same faults.

    Parameters
    ----------
    rules : iterable of Fault, optional
        Tried in order; the first that strikes wins.
    seed : int, default 0
        Of the chances.

    Examples
    --------
    >>> faults = FaultInjector([Fault(FaultKind.RESET_AFTER_ACCEPT, match="new", nth=2)])
    >>> [fault.kind.value if fault else None for fault in (faults.request("new"), faults.request("new"))]
    [None, 'reset_after_accept']
    """

    def __init__(self, rules: Iterable[Fault] = (), *, seed: int = 0) -> None:
        self._rng = random.Random(seed)  # noqa: S311  (a rehearsal, not a secret)
        self._rules: list[Fault] = []
        self._seen: list[int] = []
        self.struck: list[tuple[str, str, str]] = []
        for rule in rules:
            self.add(rule)

    def add(self, rule: Fault) -> None:
        """Add a rule; it counts occasions from now on.

        Parameters
        ----------
        rule : Fault
            What goes wrong and when.

        Raises
        ------
        ValidationError
            If the kind cannot strike there, what it matches never happens there, a number is out of range, or ``value``
            is not what the kind needs.
        """
        if rule.kind not in POINTS[rule.at]:
            raise ValidationError(
                f"fault={rule.kind.value!r} cannot strike at {rule.at.value!r}.",
                field="at",
                value=rule.at.value,
                allowed=", ".join(at.value for at, kinds in POINTS.items() if rule.kind in kinds),
            )
        if rule.nth < 1 or rule.count < 0 or not 0 <= rule.probability <= 1:
            raise ValidationError(
                f"nth={rule.nth}, count={rule.count}, probability={rule.probability} are out of range.",
                field="nth",
                value=rule.nth,
                allowed="nth >= 1, count >= 0, probability 0 to 1",
            )
        names = ("", *_NAMES[rule.at])
        if rule.match not in names:
            raise ValidationError(
                f"match={rule.match!r} never happens at {rule.at.value!r}: allowed: {', '.join(names)}.",
                field="match",
                value=rule.match,
                allowed=", ".join(names),
            )
        is_offset = rule.kind is FaultKind.CLOCK_OFFSET
        if not -_LONGEST_S * is_offset <= rule.seconds <= _LONGEST_S:
            raise ValidationError(
                f"seconds={rule.seconds} is out of range.",
                field="seconds",
                value=rule.seconds,
                allowed=f"0 to {_LONGEST_S:g}, for clock_offset also below 0",
            )
        wanted = _VALUES.get(rule.kind)
        if wanted is not None and not wanted[0].fullmatch(rule.value):
            raise ValidationError(
                f"value={rule.value[:40]!r} does not suit {rule.kind.value}: write for example {wanted[1]!r}.",
                field="value",
                value=rule.value,
                allowed=wanted[1],
            )
        self._rules.append(rule)
        self._seen.append(0)

    def clear(self) -> None:
        """Heal: forget every rule."""
        self._rules.clear()
        self._seen.clear()

    def connect(self) -> Fault | None:
        """What strikes a connection that arrives now.

        Returns
        -------
        fault : Fault or None
            ``None`` when all is well.
        """
        return self._strike(FaultPoint.CONNECT, "")

    def request(self, name: str) -> Fault | None:
        """What strikes a request that arrives now; ask once for each request.

        Parameters
        ----------
        name : str
            One of :data:`REQUESTS`.

        Returns
        -------
        fault : Fault or None
            ``None`` when all is well.
        """
        return self._strike(FaultPoint.REQUEST, name)

    def event(self, name: str) -> Fault | None:
        """What strikes an event that leaves now; ask once for each event and client.

        Parameters
        ----------
        name : str
            A value of ``EventKind``.

        Returns
        -------
        fault : Fault or None
            ``None`` when all is well.
        """
        return self._strike(FaultPoint.EVENT, name)

    def venue(self, name: str) -> Fault | None:
        """What befalls the venue itself after an event of the market.

        Parameters
        ----------
        name : str
            A value of ``EventKind``.

        Returns
        -------
        fault : Fault or None
            ``None`` when all is well.
        """
        return self._strike(FaultPoint.VENUE, name)

    def _strike(self, at: FaultPoint, name: str) -> Fault | None:
        struck = None
        for index, rule in enumerate(self._rules):
            if rule.at is not at or rule.match not in ("", name):
                continue
            self._seen[index] += 1
            beyond = self._seen[index] - rule.nth
            if struck is None and beyond >= 0 and (rule.count == 0 or beyond < rule.count):
                if rule.probability < 1 and self._rng.random() >= rule.probability:
                    continue
                struck = rule
                self.struck.append((at.value, name, rule.kind.value))
        return struck


def bytes_under(fault: Fault, payload: bytes) -> tuple[bytes, ...]:
    """What a client receives in place of a payload.

    Parameters
    ----------
    fault : Fault
        Of kind ``malformed``, ``truncated``, ``oversize`` or ``slow_trickle``; others pass the payload on.
    payload : bytes
        Of one answer, event or frame, without its length prefix.

    Returns
    -------
    pieces : tuple of bytes
        Write them one after the other, ``fault.seconds`` apart; after a truncated one, end the connection.
    """
    if fault.kind is FaultKind.MALFORMED:
        return (b"\xff\x00{" + payload[::-1],)
    if fault.kind is FaultKind.TRUNCATED:
        return (payload[: len(payload) // 2],)
    if fault.kind is FaultKind.OVERSIZE:
        return (payload + b" " * _OVERSIZE_BYTES,)
    if fault.kind is FaultKind.SLOW_TRICKLE:
        return tuple(payload[index : index + 1] for index in range(len(payload)))
    return (payload,)


def parse_faults(content: Mapping[str, Any], *, source: str = "faults") -> tuple[Fault, ...]:
    """Rules from the content of a fault file.

    Parameters
    ----------
    content : mapping
        ``schema`` 1 and ``rules``, a list of tables with ``fault`` and the other fields of :class:`Fault`.
    source : str, default "faults"
        Name of the file, for errors.

    Returns
    -------
    rules : tuple of Fault
        In the order of the file.

    Raises
    ------
    ConfigError
        Listing every key that is unknown, missing or of the wrong kind.
    """
    problems: list[str] = []
    schema = content.get("schema")
    if schema != 1 or isinstance(schema, bool):
        problems.append(f"{source}: schema: {schema!r:.60} must be 1")
    problems += [f"{source}: {key}: unknown key" for key in content if key not in ("schema", "rules")]
    rows = content.get("rules", [])
    rules: list[Fault] = []
    for index, row in enumerate(rows if isinstance(rows, list) else [rows]):
        where = f"{source}: rules[{index}]"
        try:
            rules.append(_parse_rule(row, where))
            FaultInjector([rules[-1]])
        except ConfigError as error:
            problems += error.problems
        except ValidationError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise ConfigError("\n".join(problems), problems=problems)
    return tuple(rules)


_TEXT: Final = ((str,), "text")
_WHOLE: Final = ((int,), "a whole number")
_NUMBER_OF_ANY_KIND: Final = ((int, float), "a number")
_FIELDS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "fault": _TEXT,
    "at": _TEXT,
    "match": _TEXT,
    "nth": _WHOLE,
    "count": _WHOLE,
    "probability": _NUMBER_OF_ANY_KIND,
    "seconds": _NUMBER_OF_ANY_KIND,
    "value": _TEXT,
}
_KINDS: Final = {kind.value: kind for kind in FaultKind}
_POINTS: Final = {point.value: point for point in FaultPoint}


def _with_floats(row: dict[str, Any]) -> dict[str, Any]:
    return {key: float(value) if isinstance(value, Decimal) else value for key, value in row.items()}


def _parse_rule(row: object, where: str) -> Fault:
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: must be a table", problems=[f"{where}: must be a table"])
    row = {"at": FaultPoint.REQUEST.value, **_with_floats(row)}
    problems = [f"{where}.{key:.60}: unknown key" for key in row if key not in _FIELDS]
    if "fault" not in row:
        problems.append(f"{where}.fault: is required and missing; allowed: {', '.join(_KINDS)}")
    for key, (kinds, said) in _FIELDS.items():
        if key in row and (isinstance(row[key], bool) or not isinstance(row[key], kinds)):
            problems.append(f"{where}.{key}: {row[key]!r:.60} must be {said}")
    for key, words in (("fault", _KINDS), ("at", _POINTS)):
        if isinstance(word := row.get(key), str) and word not in words:
            problems.append(f"{where}.{key}: {word!r:.60} is none of {', '.join(words)}")
    if problems:
        raise ConfigError("\n".join(problems), problems=problems)
    rest = {key: value for key, value in row.items() if key not in ("fault", "at")}
    return Fault(_KINDS[row["fault"]], _POINTS[row["at"]], **rest)


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Rules of a fault file, JSON or TOML by its ending.

    Parameters
    ----------
    path : Path
        Ends in ``.json`` or ``.toml``; at most 1 MiB.

    Returns
    -------
    rules : tuple of Fault
        In the order of the file.

    Raises
    ------
    ConfigError
        If it cannot be read, or for the reasons of :func:`parse_faults`.
    """
    return parse_faults(read_table(path), source=str(path))

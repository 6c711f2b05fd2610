"""Event logs on disk: JSON lines and a compact binary form, both written in one step and both able to tell that
they are cut.

The formats are in docs/event-log.md. The published engine's JSON lines, which have neither header nor end, are read
as well.
"""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nanodesk.atomic_file import replacing
from nanodesk.book.events import Event
from nanodesk.errors import NanodeskError, ReplayError
from nanodesk.market.instrument import Instrument

SCHEMA = 1
FORMAT = "nanodesk.exchange"
MAGIC = b"nanodesk-log\x01\n"
EVENTS_PER_BLOCK = 65_536
BLOCK = struct.Struct("<IIIII")
END = struct.Struct("<QQI")

_TAGS = {
    "submit_limit": "SubmitLimit",
    "submit_market": "SubmitMarket",
    "cancel": "Cancel",
    "modify": "Modify",
    "reduce": "Reduce",
    "submit_stop_market": "SubmitStopMarket",
    "submit_stop_limit": "SubmitStopLimit",
    "submit_trailing_stop_market": "SubmitTrailingStopMarket",
    "submit_trailing_stop_limit": "SubmitTrailingStopLimit",
    "submit_pegged": "SubmitPegged",
    "submit_bracket": "SubmitBracket",
    "link": "Link",
    "set_position": "SetPosition",
    "advance_clock": "AdvanceClock",
    "set_session_close": "SetSessionClose",
    "set_price_band": "SetPriceBand",
    "halt": "Halt",
    "resume": "Resume",
    "start_auction": "StartAuction",
    "uncross": "Uncross",
}
_KINDS = {tag: kind for kind, tag in _TAGS.items()}
_TRAIL_TAGS = {"sma_abs_change": "SmaAbsChange", "wilder_atr": "WilderAtr"}
_TRAIL_WORDS = {"SmaAbsChange": "sma_abs_change", "Atr": "sma_abs_change", "WilderAtr": "wilder_atr"}
_FLAT_KINDS = {"SubmitLimit": "submit_limit", "SubmitMarket": "submit_market", "Cancel": "cancel"}


class _Logged(Protocol):
    """What a log is written of and makes again: an exchange."""

    @property
    def instrument(self) -> Instrument | None: ...
    @property
    def configuration(self) -> dict[str, Any]: ...
    def event_count(self) -> int: ...
    def events(self, start: int = 0, stop: int | None = None) -> list[Event]: ...
    def apply(self, event: Event) -> object: ...
    def raw_log(self, start: int, stop: int) -> tuple[bytes, bytes, bytes]: ...
    def replay_raw(self, events: bytes, options: bytes, ids: bytes) -> int: ...


_L = TypeVar("_L", bound=_Logged)


class TornLogWarning(UserWarning):
    """An event log ends before its end mark; what came before was recovered."""


@dataclass(frozen=True, slots=True)
class LogHeader:
    """What a log says before its first record.

    Parameters
    ----------
    instrument : Instrument or None
        Of the exchange that wrote it.
    configuration : dict
        Its matching rules, as keywords of ``Exchange``.
    """

    instrument: Instrument | None
    configuration: dict[str, Any]


def to_json(event: Event) -> dict[str, Any]:
    """One event as an externally tagged object.

    Parameters
    ----------
    event : Event
        Any command.

    Returns
    -------
    tagged : dict
        ``{"SubmitLimit": {"side": "Buy", ...}}`` and the like.
    """
    fields = dict(event.fields)
    if "side" in fields:
        fields["side"] = fields["side"].capitalize()
    if "tif" in fields:
        fields["time_in_force"] = fields.pop("tif").upper()
    if "trail_type" in fields:
        fields["trail_method"] = _trail_to_json(fields)
    if event.kind == "modify":
        fields = {
            "order_id": fields["order_id"],
            "new_price": fields["price"],
            "new_quantity": fields["quantity"],
        }
    return {_TAGS[event.kind]: fields}


def _trail_to_json(fields: dict[str, Any]) -> dict[str, Any]:
    word, value, period = fields.pop("trail_type"), fields.pop("trail_value"), fields.pop("atr_period", None)
    if word in _TRAIL_TAGS:
        return {_TRAIL_TAGS[word]: {"multiplier": value, "period": period}}
    return {word.capitalize(): value}


def from_json(tagged: object) -> Event:
    """The event that an object stands for, in this package's schema or either published one.

    Parameters
    ----------
    tagged : object
        Parsed JSON.

    Returns
    -------
    event : Event
        The command.

    Raises
    ------
    ReplayError
        If the object is of no known schema.
    """
    if isinstance(tagged, dict) and "type" in tagged:
        return _from_flat(tagged)
    if not isinstance(tagged, dict) or len(tagged) != 1:
        raise ReplayError("a record must be an object with one key, the command")
    ((tag, content),) = tagged.items()
    if tag not in _KINDS or not isinstance(content, dict):
        raise ReplayError(f"{tag!r} is no command")
    fields = dict(content)
    if "side" in fields:
        fields["side"] = _word(fields["side"])
    if "time_in_force" in fields:
        fields["tif"] = _word(fields.pop("time_in_force"))
    if "trail_method" in fields:
        fields |= _trail_from_json(fields.pop("trail_method"))
    if tag == "Modify":
        fields = {name.removeprefix("new_"): value for name, value in fields.items()}
    return Event(_KINDS[tag], **fields)


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise ReplayError(f"{value!r} must be a word")
    return value.lower()


def _trail_from_json(method: object) -> dict[str, Any]:
    if not isinstance(method, dict) or len(method) != 1:
        raise ReplayError("trail_method must be an object with one key")
    ((tag, value),) = method.items()
    if tag in _TRAIL_WORDS and isinstance(value, dict):
        return {
            "trail_type": _TRAIL_WORDS[tag],
            "trail_value": value.get("multiplier"),
            "atr_period": value.get("period"),
        }
    if tag not in ("Fixed", "Percentage"):
        raise ReplayError(f"{tag!r} is no trail method")
    return {"trail_type": tag.lower(), "trail_value": value}


def _from_flat(record: dict[str, Any]) -> Event:
    """The published corpus: flat objects with a type; the policy of prevention stands in each event."""
    fields = {name: value for name, value in record.items() if value is not None}
    kind = _FLAT_KINDS.get(fields.pop("type"))
    if kind is None:
        raise ReplayError(f"{record.get('type')!r} is no command")
    fields.pop("schema_version", None)
    if "side" in fields:
        fields["side"] = _word(fields["side"])
    if "time_in_force" in fields:
        fields["tif"] = _word(fields.pop("time_in_force"))
    if "stp_policy" in fields:
        policy = _word(fields.pop("stp_policy")).replace("_", "")
        modes = {"off": "off", "cancelnewest": "cancel_newest", "canceloldest": "cancel_oldest"}
        fields["self_trade"] = modes.get(policy, "decrement")
    if fields.get("owner") is None:
        fields.pop("self_trade", None)
    return Event(kind, **fields)


def header_of(exchange: _Logged) -> dict[str, Any]:
    """What a log of an exchange begins with.

    Parameters
    ----------
    exchange : Exchange
        Whose log it is.

    Returns
    -------
    header : dict
        Schema, format, instrument and matching rules.
    """
    instrument = None if exchange.instrument is None else asdict(exchange.instrument)
    return {"schema": SCHEMA, "format": FORMAT, "instrument": instrument, "configuration": exchange.configuration}


def _parsed_header(header: object) -> LogHeader:
    if not isinstance(header, dict) or header.get("schema") != SCHEMA or header.get("format") != FORMAT:
        raise ReplayError(f"the log is not of {FORMAT!r}, schema {SCHEMA}", position=1)
    try:
        instrument = header["instrument"]
        return LogHeader(None if instrument is None else Instrument(**instrument), dict(header["configuration"]))
    except (KeyError, TypeError, NanodeskError) as error:
        raise ReplayError(f"the header of the log is wrong: {error}", position=1) from error


def save(exchange: _Logged, path: str | Path, *, binary: bool = False) -> None:
    """Write the event log of an exchange, replacing the file in one step.

    Parameters
    ----------
    exchange : Exchange
        Whose inputs to write.
    path : str or Path
        Destination; its folder must exist.
    binary : bool, default False
        The compact form instead of JSON lines.
    """
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        for chunk in _binary_chunks(exchange) if binary else _json_chunks(exchange):
            file.write(chunk)


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _json_chunks(exchange: _Logged) -> Iterator[bytes]:
    checksum = 0
    header = _line(header_of(exchange))
    checksum = zlib.crc32(header)
    yield header
    count = exchange.event_count()
    for first in range(0, count, EVENTS_PER_BLOCK):
        events = exchange.events(first, min(first + EVENTS_PER_BLOCK, count))
        chunk = b"".join(_line(to_json(event)) for event in events)
        checksum = zlib.crc32(chunk, checksum)
        yield chunk
    yield _line({"End": {"events": count, "crc32": f"{checksum:08x}"}})


def _binary_chunks(exchange: _Logged) -> Iterator[bytes]:
    header = _line(header_of(exchange))
    yield MAGIC + struct.pack("<II", len(header), zlib.crc32(header)) + header
    count = exchange.event_count()
    for first in range(0, count, EVENTS_PER_BLOCK):
        parts = exchange.raw_log(first, min(first + EVENTS_PER_BLOCK, count))
        payload = zlib.compress(b"".join(parts), 1)
        sizes = [len(part) for part in parts]
        yield BLOCK.pack(len(payload), *sizes, zlib.crc32(payload)) + payload
    end = struct.pack("<QQ", 0, count)
    yield end + struct.pack("<I", zlib.crc32(end))


def load(make: Callable[..., _L], path: str | Path, *, strict: bool = False) -> _L:
    """The exchange that an event log leads to.

    Parameters
    ----------
    make : callable
        The kind of exchange: takes an instrument and the matching rules.
    path : str or Path
        A log of either form, or JSON lines of the published engine.
    strict : bool, default False
        Refuse a log that is cut. Otherwise the longest valid prefix is recovered with a ``TornLogWarning``.

    Returns
    -------
    exchange : Exchange
        After all records.

    Raises
    ------
    ReplayError
        If the log is altered, of an unknown schema, holds a record that no command makes, or, with ``strict``, is cut.
    OSError
        If the file cannot be read.
    """
    data = Path(path).read_bytes()
    if data[: len(MAGIC)] == MAGIC:
        exchange, problem = _load_binary(make, data)
    elif MAGIC.startswith(data) and data:
        raise ReplayError("the log is cut inside its first bytes: nothing can be recovered", position=0)
    else:
        exchange, problem = _load_json(make, data)
    if problem is not None:
        count = exchange.event_count()
        message = f"{path}: {problem}; {count} events before it are sound"
        if strict:
            raise ReplayError(message, events_read=count)
        warnings.warn(message, TornLogWarning, stacklevel=3)
    return exchange


def _made(make: Callable[..., _L], header: LogHeader) -> _L:
    try:
        return make(header.instrument, **header.configuration)
    except (TypeError, NanodeskError) as error:
        raise ReplayError(f"the header of the log is wrong: {error}", position=1) from error


def _load_json(make: Callable[..., _L], data: bytes) -> tuple[_L, str | None]:
    lines = data.split(b"\n")
    tail = lines.pop()
    header: LogHeader | None = None
    first = _parsed(lines[0], 1) if lines else None
    if isinstance(first, dict) and "schema" in first:
        header = _parsed_header(first)
    elif not lines and tail.startswith(b'{"schema"'):
        raise ReplayError("the log is cut inside its header: nothing can be recovered", position=1)
    exchange = _made(make, header or LogHeader(None, {}))
    checksum = zlib.crc32(lines[0] + b"\n") if header else 0
    count = 0
    for number, line in enumerate(lines[1:] if header else lines, start=2 if header else 1):
        if not line.strip():
            checksum = zlib.crc32(line + b"\n", checksum)
            continue
        record = _parsed(line, number, count)
        if header and isinstance(record, dict) and "End" in record:
            _check_end(record["End"], count, checksum, number, tail or b"".join(lines[number:]))
            return exchange, None
        _run(exchange, record, number, count)
        checksum = zlib.crc32(line + b"\n", checksum)
        count += 1
    if header:
        return exchange, "the log ends without its end mark"
    if tail.strip():
        try:
            _run(exchange, _parsed(tail, len(lines) + 1, count), len(lines) + 1, count)
        except ReplayError:
            return exchange, f"line {len(lines) + 1} is torn"
    return exchange, None


def _parsed(line: bytes, number: int, count: int = 0) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReplayError(f"line {number} is not JSON: {error}", position=number, events_read=count) from error


def _run(exchange: _Logged, record: object, number: int, count: int) -> None:
    try:
        exchange.apply(from_json(record))
    except (NanodeskError, TypeError, AttributeError) as error:
        raise ReplayError(f"line {number}: {error}", position=number, events_read=count) from error


def _check_end(end: object, count: int, checksum: int, number: int, rest: bytes) -> None:
    if end != {"events": count, "crc32": f"{checksum:08x}"} or rest.strip():
        raise ReplayError(
            f"line {number}: the end mark does not fit what is before or after it: the log was altered",
            position=number,
            events_read=count,
        )


def _load_binary(make: Callable[..., _L], data: bytes) -> tuple[_L, str | None]:
    at = len(MAGIC)
    if len(data) < at + 8:
        raise ReplayError("the log is cut inside its header: nothing can be recovered", position=at)
    size, checksum = struct.unpack_from("<II", data, at)
    header = data[at + 8 : at + 8 + size]
    if len(header) < size and len(data) < at + 8 + size and zlib.crc32(header) != checksum:
        raise ReplayError("the log is cut inside its header: nothing can be recovered", position=at)
    if zlib.crc32(header) != checksum:
        raise ReplayError("the header of the log was altered", position=at)
    exchange = _made(make, _parsed_header(_parsed(header, 1)))
    at += 8 + size
    while True:
        if at + END.size > len(data):
            return exchange, f"the log is cut at byte {len(data)}"
        if data[at : at + 8] == bytes(8):
            _check_binary_end(data[at:], exchange.event_count(), at)
            return exchange, None
        packed, *sizes, checksum = BLOCK.unpack_from(data, at)
        payload = data[at + BLOCK.size : at + BLOCK.size + packed]
        if len(payload) < packed:
            return exchange, f"the log is cut at byte {len(data)}"
        if zlib.crc32(payload) != checksum:
            raise ReplayError(f"the block at byte {at} was altered", position=at, events_read=exchange.event_count())
        _run_block(exchange, payload, sizes, at)
        at += BLOCK.size + packed


def _check_binary_end(end: bytes, count: int, at: int) -> None:
    expected = struct.pack("<QQ", 0, count)
    if end != expected + struct.pack("<I", zlib.crc32(expected)):
        raise ReplayError(
            f"the end mark at byte {at} does not fit: the log was altered", position=at, events_read=count
        )


def _run_block(exchange: _Logged, payload: bytes, sizes: list[int], at: int) -> None:
    try:
        records = zlib.decompressobj().decompress(payload, sum(sizes) + 1)  # never more than it says
    except zlib.error as error:
        raise ReplayError(f"the block at byte {at} was altered: {error}", position=at) from error
    if len(records) != sum(sizes):
        raise ReplayError(f"the sizes of the block at byte {at} do not fit", position=at)
    events, options = records[: sizes[0]], records[sizes[0] : sizes[0] + sizes[1]]
    exchange.replay_raw(events, options, records[sizes[0] + sizes[1] :])

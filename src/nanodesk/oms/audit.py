"""The journal as JSON lines: a derived, reproducible text with the chain of hashes in it.

The same journal gives the same bytes. Every byte of the text is covered: a line that was changed, cut, added or
written in another way is found, and everything before it is still believed.
"""

from __future__ import annotations

import calendar
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nanodesk.atomic_file import replacing
from nanodesk.errors import JournalDamagedError, JournalError, NanodeskError
from nanodesk.oms.journal import Journal, JournalCheck
from nanodesk.oms.journal_event import (
    StoredEvent,
    canonical_json,
    first_hash,
    next_hash,
    parsed,
    require_known_version,
)
from nanodesk.oms.journal_salvage import salvage

AUDIT_SCHEMA: Final = "nanodesk.audit/1"
LONGEST_LINE: Final = 16 << 20

_OWN: Final = frozenset(
    {"schema", "event", "ts", "sequence_number", "version", "client_order_id", "execution", "payload", "hash"}
)
"""Fields of a line; a payload's key of the same name stands under ``payload``, every other key beside them."""

_NUMBERS: Final = 1 << 63
_VERSIONED = re.compile(r"nanodesk\.audit/\d+")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z")


@dataclass(frozen=True, slots=True)
class AuditHeader:
    """First line of an export.

    Parameters
    ----------
    identity : str
        The journal's name.
    created_ns : int
        When it was made, nanoseconds since 1970.
    """

    identity: str
    created_ns: int


def export_audit(journal: Journal, path: str | Path) -> JournalCheck:
    """Write a journal as JSON lines.

    Parameters
    ----------
    journal : Journal
        Open for reading or writing.
    path : str or Path
        Destination, replaced in one step, mode 0600.

    Returns
    -------
    check : JournalCheck
        How many events, and the hash of the last.

    Raises
    ------
    JournalDamagedError
        If the journal is damaged; nothing has been written. :func:`salvage_audit` writes what is sound.
    JournalError
        If the file cannot be written.
    """
    return _write(path, journal.identity, journal.created_ns, journal.read())


def salvage_audit(journal_path: str | Path, path: str | Path) -> JournalCheck:
    """Write the longest sound beginning of a damaged journal as JSON lines, even if SQLite cannot open it.

    Parameters
    ----------
    journal_path : str or Path
        The database; nothing is changed.
    path : str or Path
        Destination, replaced in one step, mode 0600.

    Returns
    -------
    check : JournalCheck
        How many events were saved, and the hash of the last.

    Raises
    ------
    JournalDamagedError
        If nothing could be saved.
    JournalError
        If a file cannot be read or written.
    """
    identity, created_ns, events = salvage(journal_path)
    if not identity:
        raise JournalDamagedError(f"{journal_path}: nothing could be saved.", sequence=1)
    return _write(path, identity, created_ns, iter(events))


def _write(path: str | Path, identity: str, created_ns: int, events: Iterator[StoredEvent]) -> JournalCheck:
    path = Path(path)
    count, head = 0, first_hash(identity, created_ns)
    try:
        with replacing(path, mode=0o600) as temporary, temporary.open("wb") as file:
            file.write(_header_line(identity, created_ns))
            for event in events:
                file.write(audit_line(event))
                count, head = event.sequence, event.hash
            file.write(_end_line(count, head))
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror or error}.", field="path", value=str(path)) from error
    return JournalCheck(count, head.hex(), False)


def audit_line(event: StoredEvent) -> bytes:
    """One event as a line.

    Parameters
    ----------
    event : StoredEvent
        From the journal.

    Returns
    -------
    line : bytes
        ASCII, ended by a line feed.
    """
    line: dict[str, Any] = {
        "schema": AUDIT_SCHEMA,
        "event": event.kind,
        "ts": _time_text(event.ts_ns),
        "sequence_number": event.sequence,
        "version": event.version,
    }
    if event.client_order_id:
        line["client_order_id"] = event.client_order_id
    if event.execution_id:
        line["execution"] = [event.venue, event.account, event.execution_id, event.revision]
    payload = parsed(canonical_json(event.payload))
    line |= {key: value for key, value in payload.items() if key not in _OWN}
    hidden = {key: value for key, value in payload.items() if key in _OWN}
    if hidden:
        line["payload"] = hidden
    line["hash"] = event.hash.hex()
    return _dump(line)


def read_audit(path: str | Path) -> Iterator[StoredEvent]:
    """Events of an export, each checked against the chain.

    Parameters
    ----------
    path : str or Path
        A file of :func:`export_audit`.

    Yields
    ------
    event : StoredEvent
        Every event before the first line that is not sound.

    Raises
    ------
    JournalDamagedError
        At that line, or at the end if the file was cut.
    JournalError
        If the file cannot be read, or is of a newer version.
    """
    with _lines(Path(path)) as lines:
        header = _read_header(next(lines, b""), path)
        previous, count = first_hash(header.identity, header.created_ns), 0
        for line in lines:
            if line == _end_line(count, previous):
                if next(lines, None) is not None:
                    raise _damaged(path, count, "goes on behind its end")
                return
            event = _read_line(line, previous, count + 1)
            if event is None:
                raise _damaged(path, count, "is not as it was written")
            require_known_version(event.version, event.sequence)
            previous, count = event.hash, event.sequence
            yield event
        raise _damaged(path, count, "is missing: the file was cut")


def verify_audit(path: str | Path) -> JournalCheck:
    """Check every byte of an export.

    Parameters
    ----------
    path : str or Path
        A file of :func:`export_audit`.

    Returns
    -------
    check : JournalCheck
        The same count and hash as the journal's.

    Raises
    ------
    JournalDamagedError
        If a byte is not as it was written; ``sequence`` is the first event that cannot be believed.
    """
    with _lines(Path(path)) as lines:
        header = _read_header(next(lines, b""), path)
    count, head = 0, first_hash(header.identity, header.created_ns)
    for event in read_audit(path):
        count, head = event.sequence, event.hash
    return JournalCheck(count, head.hex(), True)


def import_audit(path: str | Path, journal_path: str | Path) -> JournalCheck:
    """Make a journal from an export, with the same chain of hashes.

    Parameters
    ----------
    path : str or Path
        A file of :func:`export_audit`; if it is damaged, the sound part is taken.
    journal_path : str or Path
        A new journal.

    Returns
    -------
    check : JournalCheck
        How much was taken.

    Raises
    ------
    JournalDamagedError
        If the export is damaged; the events before the damage are in the journal.
    JournalError
        If the journal exists already or cannot be written.
    """
    with _lines(Path(path)) as lines:
        header = _read_header(next(lines, b""), path)
    damage: list[JournalDamagedError] = []
    count, head = Journal.restore(journal_path, header.identity, header.created_ns, _sound(path, damage))
    if damage:
        raise damage[0]
    return JournalCheck(count, head.hex(), False)


def _sound(path: str | Path, damage: list[JournalDamagedError]) -> Iterator[StoredEvent]:
    try:
        yield from read_audit(path)
    except JournalDamagedError as error:
        damage.append(error)


class _lines:  # noqa: N801  a context manager used as a function
    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Iterator[bytes]:
        try:
            self._file = self._path.open("rb")
        except OSError as error:
            raise JournalError(
                f"{self._path}: {error.strerror or error}.", field="path", value=str(self._path)
            ) from error
        return iter(lambda: self._file.readline(LONGEST_LINE), b"")

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _read_header(line: bytes, path: str | Path) -> AuditHeader:
    fields = _parse(line)
    schema = fields.get("schema") if fields else None
    if schema != AUDIT_SCHEMA and _VERSIONED.fullmatch(str(schema)):
        raise JournalError(
            f"{path} has schema {schema}; this program knows {AUDIT_SCHEMA}.",
            field="schema",
            value=schema,
            allowed=AUDIT_SCHEMA,
        )
    identity, created_ns = (fields or {}).get("journal"), (fields or {}).get("created_ns")
    if not isinstance(identity, str) or type(created_ns) is not int or _header_line(identity, created_ns) != line:
        raise JournalDamagedError(f"{path}: the first line is no header of an audit.", sequence=1)
    return AuditHeader(identity, created_ns)


def _read_line(line: bytes, previous: bytes, sequence: int) -> StoredEvent | None:
    fields = _parse(line)
    if fields is None:
        return None
    try:
        execution = fields.get("execution", ["", "", "", 0])
        payload = {key: value for key, value in fields.items() if key not in _OWN} | fields.get("payload", {})
        names = (fields["event"], fields.get("client_order_id", ""), *execution)
        place = (fields["sequence_number"], _time_ns(fields["ts"]), fields["version"])
        event = StoredEvent._make((*place, *names, payload, b""))
        _require_types(event)
        linked = event._replace(hash=next_hash(previous, *event[:9], canonical_json(payload)))
        is_sound = event.sequence == sequence and audit_line(linked) == line
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, NanodeskError):
        return None
    return linked if is_sound else None


def _require_types(event: StoredEvent) -> None:
    # Someone who knows the chain can make any JSON follow it; the journal takes only what it would have written.
    numbers, names = (event.version, event.revision), (event.kind, *event[4:8])
    if not all(type(number) is int and 0 <= number < _NUMBERS for number in numbers):
        raise ValueError(numbers)
    if not all(type(name) is str for name in names):
        raise TypeError(names)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _header_line(identity: str, created_ns: int) -> bytes:
    head = first_hash(identity, created_ns).hex()
    return _dump(
        {"schema": AUDIT_SCHEMA, "event": "audit_start", "journal": identity, "created_ns": created_ns, "hash": head}
    )


def _end_line(count: int, head: bytes) -> bytes:
    return _dump({"schema": AUDIT_SCHEMA, "event": "audit_end", "events": count, "hash": head.hex()})


def _dump(line: dict[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"


def _time_text(ts_ns: int) -> str:
    seconds, rest = divmod(ts_ns, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"


def _time_ns(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(match[2])


def _damaged(path: str | Path, count: int, what: str) -> JournalDamagedError:
    return JournalDamagedError(
        f"{path}: event {count + 1} {what}; the {count} before it are sound.", sequence=count + 1
    )

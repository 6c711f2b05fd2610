"""One event of the journal: its canonical bytes and its link in the chain of hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from nanodesk.brokers.strict_json import json_writer
from nanodesk.errors import JournalError, ValidationError

EVENT_VERSION: Final = 1
"""Version of the payloads that this program writes; a higher one on disk stops it."""

LARGEST_PAYLOAD_BYTES: Final = 4 << 20
LONGEST_NAME: Final = 128
DEEPEST_PAYLOAD: Final = 32

_KIND = re.compile(r"[a-z][a-z0-9_]{0,47}")
_NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,128}")

_encode = json_writer(sort_keys=True)
_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """Something that happened, not yet on disk.

    Parameters
    ----------
    kind : str
        Its name in the audit: lower case letters, digits and ``_``, at most 48.
    payload : mapping of str to JSON value
        Facts; whole numbers, texts, booleans, ``None``, lists and mappings of them. Amounts are integers in
        billionths, so no float is taken.
    client_order_id : str, default ""
        The order it belongs to.
    venue, account, execution_id : str, default ""
        Names of an execution, which the journal holds once.
    revision : int, default 0
        0 for the execution itself, counted up for its corrections and its bust.
    """

    kind: str
    payload: Mapping[str, Any]
    client_order_id: str = ""
    venue: str = ""
    account: str = ""
    execution_id: str = ""
    revision: int = 0


class StoredEvent(NamedTuple):
    """An event as read back from the journal.

    Parameters
    ----------
    sequence : int
        Place in the journal, from 1, without gaps.
    ts_ns : int
        Our clock when it was written; information only, the sequence is the order.
    version : int
        Of the payload.
    kind, client_order_id, venue, account, execution_id : str
        As in :class:`JournalEvent`.
    revision : int
        As in :class:`JournalEvent`.
    payload : dict
        Facts.
    hash : bytes
        SHA-256 over the hash before it and every byte of this event.
    """

    sequence: int
    ts_ns: int
    version: int
    kind: str
    client_order_id: str
    venue: str
    account: str
    execution_id: str
    revision: int
    payload: dict[str, Any]
    hash: bytes


def canonical_json(value: Any) -> bytes:
    """The one way in which a payload is written.

    Parameters
    ----------
    value : JSON value
        Keys sorted, no spaces, ASCII only.

    Returns
    -------
    text : bytes
        The same value gives the same bytes.

    Raises
    ------
    ValidationError
        If it holds a float, something that JSON lacks, a key that is no text, or more than 32 levels or 4 MiB.
    """
    try:
        _require_exact(value, DEEPEST_PAYLOAD)
        text = _encode(value).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(
            f"payload cannot be journaled: {error}.",
            field="payload",
            allowed="JSON of texts, integers, booleans and null",
            fix="Give amounts as integers in billionths.",
        ) from error
    if len(text) > LARGEST_PAYLOAD_BYTES:
        raise ValidationError(
            f"payload has {len(text)} bytes, at most {LARGEST_PAYLOAD_BYTES} are journaled.",
            field="payload",
            value=len(text),
            allowed=f"{LARGEST_PAYLOAD_BYTES} bytes",
        )
    return text


def parsed(text: bytes) -> dict[str, Any]:
    """A payload from its canonical bytes.

    Parameters
    ----------
    text : bytes
        As :func:`canonical_json` gave it.

    Returns
    -------
    payload : dict
        Plain values.
    """
    payload: dict[str, Any]
    payload, end = _decode(text.decode("ascii"))
    if end != len(text):
        raise ValueError("more follows after the payload")
    return payload


def _require_exact(value: Any, depth: int) -> None:
    kind = type(value)
    if kind in (str, int, bool, type(None)):
        return
    if depth == 0:
        raise ValueError(f"more than {DEEPEST_PAYLOAD} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError(f"key {key!r} is no text")
            _require_exact(item, depth - 1)
    elif kind in (list, tuple):
        for item in value:
            _require_exact(item, depth - 1)
    else:
        raise TypeError(f"{str(value)[:60]!r} is a {kind.__name__}")


def first_hash(identity: str, created_ns: int) -> bytes:
    """What the chain of a journal starts from.

    Parameters
    ----------
    identity : str
        Name of the journal, made when it was created.
    created_ns : int
        When, nanoseconds since 1970.

    Returns
    -------
    hash : bytes
        32 bytes.
    """
    return sha256(f"nanodesk.journal 1 {identity} {created_ns}".encode()).digest()


def next_hash(
    previous: bytes,
    sequence: int,
    ts_ns: int,
    version: int,
    kind: str,
    client_order_id: str,
    venue: str,
    account: str,
    execution_id: str,
    revision: int,
    payload: bytes,
) -> bytes:
    """Link one event to all before it.

    Parameters
    ----------
    previous : bytes
        Hash of the event before.
    sequence, ts_ns, version, revision : int
        Numbers of the event.
    kind, client_order_id, venue, account, execution_id : str
        Names of the event.
    payload : bytes
        Its canonical JSON.

    Returns
    -------
    hash : bytes
        32 bytes; the lengths stand in front, so no two events share one text.
    """
    # Lengths in front make the text unambiguous whatever the names hold.
    text = (
        f"{sequence} {ts_ns} {version} {revision} {len(kind)} {len(client_order_id)} {len(venue)} {len(account)} "
        f"{len(execution_id)} {kind}{client_order_id}{venue}{account}{execution_id}"
    )
    return sha256(previous + text.encode() + payload).digest()


def require_names(event: JournalEvent) -> None:
    """Check the names of an event.

    Parameters
    ----------
    event : JournalEvent
        Not yet on disk.

    Raises
    ------
    ValidationError
        If the kind is no identifier, or another name is too long or holds control characters.
    """
    if not _KIND.fullmatch(event.kind):
        raise ValidationError(
            f"event name {event.kind[:60]!r} must be lower case letters, digits and '_', at most 48.",
            field="kind",
            value=event.kind,
            allowed="[a-z][a-z0-9_]*",
        )
    for field in ("client_order_id", "venue", "account", "execution_id"):
        name = getattr(event, field)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValidationError(
                f"{field}={str(name)[:60]!r} must be at most {LONGEST_NAME} printable characters.",
                field=field,
                value=name,
                allowed=f"at most {LONGEST_NAME} printable characters",
            )


def require_known_version(version: int, sequence: int) -> None:
    """Stop at an event that a newer program wrote.

    Parameters
    ----------
    version, sequence : int
        Of the event.

    Raises
    ------
    JournalError
        If its version is above :data:`EVENT_VERSION`.
    """
    if version > EVENT_VERSION:
        raise JournalError(
            f"event {sequence} has version {version}; this program knows {EVENT_VERSION}.",
            field="version",
            value=version,
            allowed=str(EVENT_VERSION),
            fix="Use the newer program that wrote it.",
        )

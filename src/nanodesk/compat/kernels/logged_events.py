"""Faces of the records of a log, without a look at the records."""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t
from cython.cimports.nanodesk.compat.published_events import Event

# The form of an event that is a place in a log, as in published_events.
_LOGGED = cython.declare(uint8_t, 1)


def faces(book: object, first: int64_t, last: int64_t) -> list:
    """One event for each record; they keep the book alive."""
    found: list = []
    face: Event
    number: int64_t
    for number in range(first, last):
        face = Event.__new__(Event)
        face._book = book
        face._number = number
        face._form = _LOGGED
        found.append(face)
    return found

"""One record of an event log: a command of an exchange with its arguments."""

from __future__ import annotations

from typing import Any

COMMANDS = frozenset(
    {
        "submit_limit",
        "submit_market",
        "cancel",
        "modify",
        "reduce",
        "submit_stop_market",
        "submit_stop_limit",
        "submit_trailing_stop_market",
        "submit_trailing_stop_limit",
        "submit_pegged",
        "submit_bracket",
        "link",
        "set_position",
        "advance_clock",
        "set_session_close",
        "set_price_band",
        "halt",
        "resume",
        "start_auction",
        "uncross",
    }
)
"""Methods of an exchange that are inputs and so are logged."""


class Event:
    """An input of an exchange; arguments that have their default are left out.

    Parameters
    ----------
    kind : str
        Name of the method, one of ``COMMANDS``.
    **fields
        Its arguments by name.

    Examples
    --------
    >>> event = Event("submit_limit", side="buy", price=100, quantity=5, tif="gtc")
    >>> event.price, event
    (100, Event('submit_limit', side='buy', price=100, quantity=5, tif='gtc'))
    """

    __slots__ = ("fields", "kind")

    kind: str
    fields: dict[str, Any]

    def __init__(self, kind: str, /, **fields: Any) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "fields", fields)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Event is a value: {name!r} cannot be set")

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "fields")[name]
        except (KeyError, AttributeError):
            raise AttributeError(f"this event has no {name!r}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and (self.kind, self.fields) == (other.kind, other.fields)

    def __hash__(self) -> int:
        return hash((self.kind, repr(sorted(self.fields.items()))))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.kind, self.fields)

    def __repr__(self) -> str:
        return f"Event({', '.join([repr(self.kind), *(f'{name}={value!r}' for name, value in self.fields.items())])})"


def _restored(kind: str, fields: dict[str, Any]) -> Event:
    return Event(kind, **fields)

"""Which answers of Alpaca are refusals, and which leave the outcome open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.brokers.http import lost_outcome
from nanodesk.errors import BrokerError, OrderRejectedError, RateLimitedError

NO_SUCH_ORDER: Final = 40410000
REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 422})
"""Statuses at which the request was looked at and not carried out."""

_GOOD: Final = (200, 201, 204, 207)
_LONGEST_TEXT: Final = 200


class AlpacaRefusal(OrderRejectedError):  # noqa: N818  (what the venue did, not what went wrong here)
    """The venue refused a request, in a structured answer.

    Parameters
    ----------
    code : int
        The venue's code, or the status where there is none.
    text : str
        The venue's words.
    status : int
        HTTP status.
    """

    def __init__(self, code: int, text: str, *, status: int) -> None:
        super().__init__(f"Alpaca refused ({code}): {text}", field="code", value=code)
        self.code = code
        self.text = text
        self.status = status

    @property
    def is_used_id(self) -> bool:
        """Whether the client id was used before: the order may well be ours."""
        return self.status == 422 and "must be unique" in self.text


def raise_for(status: int, answer: Any, *, retry_after_s: float = 0.0) -> None:
    """Raise what an answer means, or return when it is a good one.

    Parameters
    ----------
    status : int
        HTTP status.
    answer : object
        The content; an error has ``message`` and mostly ``code``.
    retry_after_s : float, default 0
        Wait that the venue asks for.

    Raises
    ------
    RateLimitedError
        At 429; the request was not looked at.
    AlpacaRefusal
        At a structured refusal.
    BrokerError
        At 5xx and everything else that is not understood: the outcome is unknown.
    """
    if status in _GOOD:
        return
    if status == 429:
        raise RateLimitedError(f"Alpaca asks to wait {retry_after_s:g} s (429).", retry_after_s=retry_after_s)
    code = answer.get("code") if isinstance(answer, Mapping) else None
    text = answer.get("message") if isinstance(answer, Mapping) else None
    words = text[:_LONGEST_TEXT] if isinstance(text, str) else ""
    if status not in REFUSALS or not words:
        raise BrokerError(
            f"Alpaca answered {status} ({words or 'no reason given'}): the outcome is unknown.", field="status"
        )
    is_coded = isinstance(code, int) and not isinstance(code, bool)
    raise AlpacaRefusal(code if is_coded and code is not None else status, words, status=status)


def outcome_of(error: BrokerError) -> Outcome:
    """What an error means for the order it was about.

    Parameters
    ----------
    error : BrokerError
        From a call to the venue.

    Returns
    -------
    outcome : Outcome
        Refused at a structured refusal or when nothing left, else unknown.
    """
    if isinstance(error, AlpacaRefusal):
        return Outcome(OutcomeKind.REFUSED, code=str(error.code), text=error.text)
    return lost_outcome(error)

"""Which answers of Binance are refusals, and which leave the outcome open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.brokers.http import lost_outcome
from nanodesk.errors import BrokerError, OrderRejectedError, RateLimitedError

OUTCOME_OPEN: Final = frozenset({-1000, -1001, -1006, -1007, -1016})
"""Codes after which the request may have been carried out all the same."""

MAY_PASS_LATER: Final = frozenset({-1003, -1008, -1015, -1021, -1034})
"""Refusals that say nothing against the order itself."""

NO_SUCH_ORDER: Final = -2013
ARCHIVED: Final = -2026
CANCEL_REFUSED: Final = -2011
REPLACED_BY_HALF: Final = -2021
NEW_ORDER_REFUSED: Final = -2010
_DUPLICATE: Final = "Duplicate order"
"""How the words of -2010 begin when an open order has the same id."""

_LONGEST_TEXT: Final = 200


class BinanceRefusal(OrderRejectedError):  # noqa: N818  (what the venue did, not what went wrong here)
    """The venue refused a request, in a structured answer.

    Parameters
    ----------
    code : int
        The venue's code.
    text : str
        The venue's words.
    status : int
        HTTP status.
    data : object, optional
        What else the answer says.
    """

    def __init__(self, code: int, text: str, *, status: int, data: Any = None) -> None:
        super().__init__(f"Binance refused ({code}): {text}", field="code", value=code)
        self.code = code
        self.text = text
        self.status = status
        self.data = data


def raise_for(status: int, answer: Any, *, retry_after_s: float = 0.0) -> None:
    """Raise what an answer means, or return when it is a good one.

    Parameters
    ----------
    status : int
        HTTP status, or that of the WebSocket API.
    answer : object
        The content; an error has ``code`` and ``msg``.
    retry_after_s : float, default 0
        Wait that the venue asks for.

    Raises
    ------
    RateLimitedError
        At 429 and 418; the request was not looked at.
    BinanceRefusal
        At a structured refusal.
    BrokerError
        At 5xx, at codes that leave the outcome open and at errors without a code: the outcome is unknown.
    """
    if status == 200:
        return
    code = answer.get("code") if isinstance(answer, Mapping) else None
    text = answer.get("msg") if isinstance(answer, Mapping) else None
    is_structured = isinstance(code, int) and not isinstance(code, bool) and isinstance(text, str)
    words = text[:_LONGEST_TEXT] if isinstance(text, str) and is_structured else "no reason given"
    if status in (418, 429) and (is_structured or not answer):
        raise RateLimitedError(f"Binance asks to wait {retry_after_s:g} s ({status}).", retry_after_s=retry_after_s)
    if status >= 500 or not is_structured or code in OUTCOME_OPEN:
        raise BrokerError(f"Binance answered {status} ({code}: {words}): the outcome is unknown.", field="status")
    assert isinstance(code, int)  # noqa: S101  (is_structured says so)
    raise BinanceRefusal(code, words, status=status, data=answer.get("data"))


def is_undecided(code: int, text: str) -> bool:
    """Whether an order may be at the venue although the answer is an error.

    Parameters
    ----------
    code : int
        The venue's code.
    text : str
        The venue's words.

    Returns
    -------
    is_undecided : bool
        True where the outcome is open, and where an open order has the id already: ids are ours and never given
        twice, so that order is this one.

    Examples
    --------
    >>> is_undecided(-1007, ""), is_undecided(-2010, "Duplicate order sent."), is_undecided(-2010, "No balance.")
    (True, True, False)
    """
    return code in OUTCOME_OPEN or (code == NEW_ORDER_REFUSED and text.startswith(_DUPLICATE))


def outcome_of(error: BrokerError) -> Outcome:
    """What an error means for the order it was about.

    Parameters
    ----------
    error : BrokerError
        From a call to the venue.

    Returns
    -------
    outcome : Outcome
        Refused at a structured refusal that decides or when nothing left, else unknown.
    """
    if isinstance(error, BinanceRefusal):
        kind = OutcomeKind.UNKNOWN if is_undecided(error.code, error.text) else OutcomeKind.REFUSED
        return Outcome(kind, code=str(error.code), text=error.text, may_retry=error.code in MAY_PASS_LATER)
    return lost_outcome(error)

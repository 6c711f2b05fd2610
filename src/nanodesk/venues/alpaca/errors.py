"""Errors of the Alpaca look-alike, with the venue's codes and words."""

from __future__ import annotations

from typing import Any, Final

from nanodesk.brokers.paper.values import Refusal

UNAUTHORIZED: Final = 40110000
FORBIDDEN: Final = 40310000
NOT_FOUND: Final = 40410000
BAD_REQUEST: Final = 40010001
WRONG_STATE: Final = 42210000
TOO_MANY: Final = 42910000


class AlpacaError(Exception):
    """An answer that is an error; the first three digits of the code are the HTTP status.

    Parameters
    ----------
    code : int
        The venue's code.
    text : str
        The venue's words.
    status : int, optional
        HTTP status where it differs.
    data : dict, optional
        Further content.
    """

    def __init__(self, code: int, text: str, *, status: int | None = None, data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.status = code // 100_000 if status is None else status
        self.data = data or {}

    def content(self) -> dict[str, Any]:
        """The answer's content.

        Returns
        -------
        content : dict
            ``code``, ``message`` and what else there is.
        """
        return {"code": self.code, "message": self.text, **self.data}


def bad(text: str) -> AlpacaError:
    """A request that says something wrong.

    Parameters
    ----------
    text : str
        What.

    Returns
    -------
    error : AlpacaError
        40010001 with status 422.
    """
    return AlpacaError(BAD_REQUEST, text, status=422)


def not_found(what: str) -> AlpacaError:
    """Something that is not there.

    Parameters
    ----------
    what : str
        Its kind.

    Returns
    -------
    error : AlpacaError
        40410000.
    """
    return AlpacaError(NOT_FOUND, f"{what} not found")


_WRONG_ORDER: Final = {
    Refusal.ORDER_TYPE: "invalid order type",
    Refusal.TIME_IN_FORCE: "invalid time_in_force",
    Refusal.TICK: "sub-penny increment does not fulfill minimum pricing criteria",
    Refusal.LOT: "asset is not fractionable",
    Refusal.QUANTITY_RANGE: "qty is out of range",
    Refusal.PRICE_RANGE: "limit price is out of range",
    Refusal.NOTIONAL_RANGE: "cost basis is out of range",
    Refusal.OUT_OF_RANGE: "qty is out of range",
    Refusal.STOP_PRICE: "stop price would trigger at once",
    Refusal.ORDER_CLOSED: "order is not open",
    Refusal.HALTED: "asset is halted",
    Refusal.CLOSED: "market is closed",
    Refusal.EXPIRED: "asset is not active",
    Refusal.NO_LIQUIDITY: "no quote is available",
}


def of_refusal(code: str, text: str) -> AlpacaError:
    """The venue's words for a refusal of the market.

    Parameters
    ----------
    code : str
        Value of :class:`~nanodesk.brokers.paper.values.Refusal`, or free text of a refusal written in advance.
    text : str
        Reason of the market.

    Returns
    -------
    error : AlpacaError
        40310000 with the text where there is nothing better.
    """
    if code == Refusal.DUPLICATE_ID.value:
        return bad("client_order_id must be unique")
    if code == Refusal.UNKNOWN_ORDER.value:
        return not_found("order")
    if code == Refusal.INSUFFICIENT_FUNDS.value:
        return AlpacaError(FORBIDDEN, "insufficient buying power")
    if code in (Refusal.INSUFFICIENT_POSITION.value, Refusal.REDUCE_ONLY.value):
        return AlpacaError(FORBIDDEN, f"insufficient qty available for order: {text}")
    words = {refusal.value: known for refusal, known in _WRONG_ORDER.items()}.get(code)
    return AlpacaError(WRONG_STATE, f"{words}: {text}") if words else AlpacaError(FORBIDDEN, text or code)

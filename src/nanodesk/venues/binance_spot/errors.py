"""Errors of the Binance look-alike, with the venue's codes and words."""

from __future__ import annotations

from typing import Any, Final

from nanodesk.brokers.paper.values import Refusal


class SpotError(Exception):
    """An answer that is an error.

    Parameters
    ----------
    code : int
        The venue's code.
    text : str
        The venue's words.
    status : int, default 400
        HTTP status.
    data : dict, optional
        Further content.
    retry_after_s : int, optional
        Header ``Retry-After``.
    """

    def __init__(
        self,
        code: int,
        text: str,
        *,
        status: int = 400,
        data: dict[str, Any] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.status = status
        self.data = data
        self.retry_after_s = retry_after_s

    def content(self) -> dict[str, Any]:
        """The answer's content.

        Returns
        -------
        content : dict
            ``code``, ``msg`` and ``data`` where there is some.
        """
        return {"code": self.code, "msg": self.text, **({} if self.data is None else {"data": self.data})}


def missing(name: str) -> SpotError:
    """A parameter that has to be there and is not.

    Parameters
    ----------
    name : str
        Of the parameter.

    Returns
    -------
    error : SpotError
        -1102.
    """
    return SpotError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def filter_failure(name: str) -> SpotError:
    """An order that a filter of its symbol refuses.

    Parameters
    ----------
    name : str
        Of the filter.

    Returns
    -------
    error : SpotError
        -1013.
    """
    return SpotError(-1013, f"Filter failure: {name}")


_OF_REFUSAL: Final = {
    Refusal.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Refusal.HALTED: (-1013, "Market is closed."),
    Refusal.CLOSED: (-1013, "Market is closed."),
    Refusal.EXPIRED: (-1013, "Market is closed."),
    Refusal.ORDER_TYPE: (-1116, "Invalid orderType."),
    Refusal.TIME_IN_FORCE: (-1115, "Invalid timeInForce."),
    Refusal.TICK: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.PRICE_RANGE: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.LOT: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.QUANTITY_RANGE: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.NOTIONAL_RANGE: (-1013, "Filter failure: NOTIONAL"),
    Refusal.OUT_OF_RANGE: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.DUPLICATE_ID: (-2010, "Duplicate order sent."),
    Refusal.NO_LIQUIDITY: (-2010, "Order book liquidity is less than LOT_SIZE filter minimum quantity."),
    Refusal.INSUFFICIENT_FUNDS: (-2010, "Account has insufficient balance for requested action."),
    Refusal.INSUFFICIENT_POSITION: (-2010, "Account has insufficient balance for requested action."),
    Refusal.REDUCE_ONLY: (-2010, "Account has insufficient balance for requested action."),
    Refusal.POST_ONLY: (-2010, "Order would immediately match and take."),
    Refusal.STOP_PRICE: (-2010, "Stop price would trigger immediately."),
    Refusal.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Refusal.ORDER_CLOSED: (-2011, "Unknown order sent."),
    Refusal.NOTHING_TO_CHANGE: (-2038, "The amendment would change nothing."),
}


def of_refusal(code: str, text: str) -> SpotError:
    """The venue's words for a refusal of the market.

    Parameters
    ----------
    code : str
        Value of :class:`~nanodesk.brokers.paper.values.Refusal`, or free text of a refusal written in advance.
    text : str
        Reason of the market.

    Returns
    -------
    error : SpotError
        -2010 with the text where there is nothing better.
    """
    words = {refusal.value: known for refusal, known in _OF_REFUSAL.items()}.get(code)
    return SpotError(*words) if words is not None else SpotError(-2010, text or code)

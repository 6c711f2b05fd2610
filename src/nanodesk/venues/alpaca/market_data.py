"""Market data, clock and calendar of the Alpaca look-alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from nanodesk.brokers.alpaca.times import format_time
from nanodesk.brokers.base import Clock
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.errors import DataError, ValidationError
from nanodesk.market.calendar import next_session, session, sessions
from nanodesk.market.fixed_point import E9
from nanodesk.market.trading_rules import TradingStatus
from nanodesk.venues.alpaca.errors import bad, not_found
from nanodesk.venues.alpaca.requests import AlpacaRequest
from nanodesk.venues.alpaca.views import quote_row, trade_row

_CALENDAR: Final = "XNYS"
_NEW_YORK: Final = ZoneInfo("America/New_York")
_DAY_NS: Final = 86_400 * E9
_USUAL_DAYS: Final = 30


class AlpacaMarketData:
    """What the venue tells to everybody.

    Parameters
    ----------
    market : PaperMarket
        Behind it.
    now_ns : callable
        The venue's clock.
    """

    def __init__(self, market: PaperMarket, now_ns: Clock) -> None:
        self._market = market
        self._now_ns = now_ns

    def latest_quote(self, request: AlpacaRequest) -> dict[str, Any]:
        """Newest quote of one share.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it.

        Returns
        -------
        answer : dict
            ``symbol`` and ``quote``.
        """
        return {"symbol": request.parts[0], "quote": self._quote(self._listed(request.parts[0]))}

    def latest_quotes(self, request: AlpacaRequest) -> dict[str, Any]:
        """Newest quotes of several shares.

        Parameters
        ----------
        request : AlpacaRequest
            With ``symbols``.

        Returns
        -------
        answer : dict
            ``quotes`` by symbol; unknown ones are left out.
        """
        return {"quotes": self._of_each(request, self._quote)}

    def latest_trade(self, request: AlpacaRequest) -> dict[str, Any]:
        """Newest trade of one share.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it.

        Returns
        -------
        answer : dict
            ``symbol`` and ``trade``.
        """
        return {"symbol": request.parts[0], "trade": self._trade(self._listed(request.parts[0]))}

    def latest_trades(self, request: AlpacaRequest) -> dict[str, Any]:
        """Newest trades of several shares.

        Parameters
        ----------
        request : AlpacaRequest
            With ``symbols``.

        Returns
        -------
        answer : dict
            ``trades`` by symbol; those without any are left out.
        """
        found = self._of_each(request, self._trade)
        return {"trades": {symbol: row for symbol, row in found.items() if row is not None}}

    def snapshot(self, request: AlpacaRequest) -> dict[str, Any]:
        """Quote and trade of one share.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it.

        Returns
        -------
        answer : dict
            ``latestQuote`` and ``latestTrade``; the venue keeps no bars.
        """
        return {"symbol": request.parts[0], **self._snapshot(self._listed(request.parts[0]))}

    def snapshots(self, request: AlpacaRequest) -> dict[str, Any]:
        """Quotes and trades of several shares.

        Parameters
        ----------
        request : AlpacaRequest
            With ``symbols``.

        Returns
        -------
        answer : dict
            By symbol.
        """
        return self._of_each(request, self._snapshot)

    def _of_each(self, request: AlpacaRequest, view: Callable[[str], Any]) -> dict[str, Any]:
        wanted = request.query.get("symbols", "")
        if not wanted:
            raise bad("symbols is required")
        return {symbol: view(symbol) for symbol in wanted.split(",") if symbol in self._market.listings}

    def _listed(self, symbol: str) -> str:
        if symbol not in self._market.listings:
            raise not_found("symbol")
        return symbol

    def _quote(self, symbol: str) -> dict[str, Any]:
        return quote_row(self._market.quote(symbol), self._now_ns())

    def _trade(self, symbol: str) -> dict[str, Any] | None:
        found = self._market.executions(symbol=symbol)
        return trade_row(found[-1]) if found else None

    def _snapshot(self, symbol: str) -> dict[str, Any]:
        bars = dict.fromkeys(("minuteBar", "dailyBar", "prevDailyBar"))
        return {"latestTrade": self._trade(symbol), "latestQuote": self._quote(symbol), **bars}

    def clock(self) -> dict[str, Any]:
        """The venue's time; it is open whatever the hour, unless all of its instruments are closed.

        Returns
        -------
        answer : dict
            ``timestamp``, ``is_open`` and the exchange's next open and close.
        """
        now = self._now_ns()
        is_open = any(self._market.rules(symbol).status is not TradingStatus.CLOSED for symbol in self._market.symbols)
        opens, closes = _next_bounds(now)
        return {
            "timestamp": format_time(now),
            "is_open": is_open,
            "next_open": format_time(opens),
            "next_close": format_time(closes),
        }

    def calendar(self, request: AlpacaRequest) -> list[dict[str, str]]:
        """Sessions of the exchange.

        Parameters
        ----------
        request : AlpacaRequest
            With ``start`` and ``end``, days; a month from today without them.

        Returns
        -------
        rows : list of dict
            ``date``, ``open``, ``close`` and the hours around them, in New York.
        """
        start = request.instant("start")
        first = _day(self._now_ns() if start is None else start)
        end = request.instant("end")
        last = first + timedelta(days=_USUAL_DAYS) if end is None else _day(end)
        try:
            days = [day.item() for day in sessions(_CALENDAR, first, last)] if last >= first else []
        except (DataError, ValidationError):
            raise bad("start or end is outside of the calendar") from None
        return [_session_row(day) for day in days]


def _day(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns // E9, UTC).date()


def _session_row(day: date) -> dict[str, str]:
    found = session(_CALENDAR, day)
    opens, closes = (
        datetime.fromtimestamp(time_ns // E9, UTC).astimezone(_NEW_YORK).strftime("%H:%M")
        for time_ns in (found.open_ns, found.close_ns)
    )
    return {"date": day.isoformat(), "open": opens, "close": closes, "session_open": "0400", "session_close": "2000"}


def _next_bounds(now_ns: int) -> tuple[int, int]:
    """The next open and the next close of the exchange."""
    try:
        day = _day(now_ns) - timedelta(days=1)
        found = [session(_CALENDAR, day := next_session(_CALENDAR, day)) for _ in range(3)]
        return (
            next(one.open_ns for one in found if one.open_ns > now_ns),
            next(one.close_ns for one in found if one.close_ns > now_ns),
        )
    except (DataError, ValidationError, StopIteration):
        return now_ns + _DAY_NS, now_ns + _DAY_NS // 2  # beyond the table

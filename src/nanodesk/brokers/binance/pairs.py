"""Names of instruments at the desk and at Binance, and what the venue accepts for each: ``exchangeInfo`` read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from nanodesk.brokers.fields import Fields
from nanodesk.errors import BrokerError, ValidationError
from nanodesk.market.enums import TimeInForce
from nanodesk.market.fixed_point import LARGEST_E9
from nanodesk.market.order import OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus

logger = logging.getLogger(__name__)

_STATUS: Final = {"TRADING": TradingStatus.TRADING, "HALT": TradingStatus.HALTED}
_ORDER_TYPES: Final = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOP_LOSS": OrderType.STOP,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
}
TIMES_IN_FORCE: Final = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY})
"""What can be said there. The venue never closes, so its day never ends: a day order stays until it is cancelled."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit of the venue.

    Parameters
    ----------
    kind : str
        ``REQUEST_WEIGHT``, ``ORDERS``, ``RAW_REQUESTS`` or ``CONNECTIONS``.
    interval_s : int
        Length of its window.
    limit : int
        Most within one window.
    count : int, default 0
        Used so far, where the venue tells it.
    """

    kind: str
    interval_s: int
    limit: int
    count: int = 0


_SECONDS: Final = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}


def rate_limits(answer: Fields) -> tuple[RateLimit, ...]:
    """Limits named in ``exchangeInfo`` or beside an answer of the WebSocket API.

    Parameters
    ----------
    answer : Fields
        Object with ``rateLimits``.

    Returns
    -------
    limits : tuple of RateLimit
        Those of a known interval.

    Raises
    ------
    BrokerError
        If one cannot be read.
    """
    return tuple(
        RateLimit(
            row.text("rateLimitType"),
            _SECONDS[row.text("interval")] * max(1, row.integer("intervalNum")),
            row.integer("limit"),
            row.integer("count", 0),
        )
        for row in answer.rows("rateLimits")
        if "interval" in row and row.text("interval") in _SECONDS
    )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Instruments of one venue by both of their names.

    Parameters
    ----------
    quote_asset : str
        Currency that pays; ``BTC`` at the desk is ``BTC`` + this at the venue.
    rules : mapping of str to TradingRules
        By the name at the desk.
    pair_of, desk_of : mapping of str to str
        From the one name to the other.
    is_named : bool, default False
        Whether the caller named the instruments, else they are all of the venue's.
    listed : frozenset of str, optional
        Every pair of the venue, named or not.
    """

    quote_asset: str
    rules: Mapping[str, TradingRules]
    pair_of: Mapping[str, str]
    desk_of: Mapping[str, str] = field(default_factory=dict)
    is_named: bool = False
    listed: frozenset[str] = frozenset()

    def pair(self, symbol: str) -> str:
        """The venue's name.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        pair : str
            As ``BTCUSDT``.

        Raises
        ------
        ValidationError
            If the venue lists no such instrument.
        """
        found = self.pair_of.get(symbol)
        if found is None:
            raise ValidationError(
                f"symbol={symbol[:40]!r} is not listed against {self.quote_asset}.",
                field="symbol",
                value=symbol,
                allowed="a base asset that trades against the quote asset",
                fix="Check quote_asset, or name the pair in symbols.",
            )
        return found

    def symbol(self, pair: str) -> str:
        """The desk's name; the pair itself where the desk has none.

        Parameters
        ----------
        pair : str
            Name at the venue.

        Returns
        -------
        symbol : str
            As ``BTC``.
        """
        return self.desk_of.get(pair, pair)

    def coin(self, asset: str) -> str:
        """The desk's name of a coin, which is that of its pair against the quote asset.

        Parameters
        ----------
        asset : str
            Name at the venue.

        Returns
        -------
        symbol : str
            The asset itself where the desk has none: a fee and a holding of one coin have one name.
        """
        return self.desk_of.get(asset + self.quote_asset, asset)


def read_pairs(info: Fields, quote_asset: str, symbols: Mapping[str, str] | None = None) -> Pairs:
    """Instruments of ``exchangeInfo``.

    Parameters
    ----------
    info : Fields
        The answer.
    quote_asset : str
        Currency that pays.
    symbols : mapping of str to str, optional
        Pair by desk symbol; without it every pair against the quote asset, under its base asset.

    Returns
    -------
    pairs : Pairs
        With their rules.

    Raises
    ------
    BrokerError
        If the answer, or the rules of a named pair, cannot be read; without names such a pair is left out.
    ValidationError
        If a named pair is not listed.
    """
    wanted = {pair: symbol for symbol, pair in (symbols or {}).items()}
    listed: set[str] = set()
    rules: dict[str, TradingRules] = {}
    pair_of: dict[str, str] = {}
    for row in info.rows("symbols"):
        pair, base, currency = row.text("symbol"), row.text("baseAsset"), row.text("quoteAsset")
        listed.add(pair)
        if symbols is not None:
            symbol = wanted.get(pair)
        else:
            symbol = base if currency == quote_asset and base and row.flag("isSpotTradingAllowed", True) else None
        if symbol is not None:
            try:
                rules[symbol] = trading_rules(row, symbol)
            except BrokerError as error:
                # One pair of thousands that nobody asked for is no reason not to trade the others.
                if symbols is not None:
                    raise
                logger.warning("pair_left_out", extra={"pair": pair, "reason": str(error)})
                continue
            pair_of[symbol] = pair
    missing = sorted(set(symbols or {}) - set(pair_of))
    if missing:
        raise ValidationError(
            f"symbols: {', '.join(missing[:5])} are not listed at the venue.", field="symbols", value=missing
        )
    desk_of = {pair: name for name, pair in pair_of.items()}
    return Pairs(quote_asset, rules, pair_of, desk_of, symbols is not None, frozenset(listed))


def trading_rules(row: Fields, symbol: str) -> TradingRules:
    """Rules of one instrument, from its filters.

    Parameters
    ----------
    row : Fields
        One entry of ``symbols``.
    symbol : str
        Name at the desk.

    Returns
    -------
    rules : TradingRules
        A step of zero, which switches a filter off, becomes the finest step there is.

    Raises
    ------
    BrokerError
        If a filter cannot be read.
    """
    filters = {one.text("filterType"): one for one in row.rows("filters")}
    nothing = Fields({}, "filter")
    price, lot = filters.get("PRICE_FILTER", nothing), filters.get("LOT_SIZE", nothing)
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL", nothing)
    words = row.words("orderTypes")
    try:
        return TradingRules(
            symbol=symbol,
            base=row.text("baseAsset"),
            currency=row.text("quoteAsset"),
            tick_e9=price.amount("tickSize", 0) or 1,
            lot_e9=lot.amount("stepSize", 0) or 1,
            min_price_e9=price.amount("minPrice", 0) or 1,
            max_price_e9=price.amount("maxPrice", 0) or LARGEST_E9,
            min_quantity_e9=lot.amount("minQty", 0) or 1,
            max_quantity_e9=lot.amount("maxQty", 0) or LARGEST_E9,
            min_notional_e9=notional.amount("minNotional", 0),
            max_notional_e9=notional.amount("maxNotional", 0) or LARGEST_E9,
            status=_STATUS.get(row.text("status"), TradingStatus.CLOSED),
            order_types=frozenset(_ORDER_TYPES[word] for word in words if word in _ORDER_TYPES),
            times_in_force=TIMES_IN_FORCE,
            asset_class="crypto",
            venue="BINANCE",
        )
    except ValidationError as error:
        raise BrokerError(f"The rules of {symbol} cannot be used. {error}", field="filters") from None

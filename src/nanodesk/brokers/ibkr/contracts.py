"""Names at the desk against contracts of Interactive Brokers, and what a contract's details say of its trading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nanodesk.brokers.ibkr.messages import ContractDetailsMessage, TwsContract
from nanodesk.market.enums import TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus

_ORDER_TYPES: Final = {
    "MKT": OrderType.MARKET,
    "LMT": OrderType.LIMIT,
    "STP": OrderType.STOP,
    "STPLMT": OrderType.STOP_LIMIT,
}
_TIMES_IN_FORCE: Final = {
    "DAY": TimeInForce.DAY,
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_ASSET_CLASSES: Final = {
    "STK": "equity",
    "FUT": "future",
    "OPT": "option",
    "FOP": "option",
    "CASH": "currency",
    "CRYPTO": "crypto",
    "BOND": "bond",
    "FUND": "fund",
    "CFD": "cfd",
}

_DAY: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?!\d)")


class ContractBook:
    """Which contract a name at the desk means, in both directions.

    Parameters
    ----------
    contracts : mapping of str to TwsContract, optional
        Names that are not plain shares in US dollars.

    Examples
    --------
    >>> book = ContractBook()
    >>> book.contract("BRK.B").symbol, book.desk_name(TwsContract("BRK B"))
    ('BRK B', 'BRK.B')
    """

    def __init__(self, contracts: Mapping[str, TwsContract] | None = None) -> None:
        self._contracts = dict(contracts or {})
        self._names = {_key(contract): name for name, contract in self._contracts.items()}
        self._names_by_con_id = {c.con_id: name for name, c in self._contracts.items() if c.con_id}

    def contract(self, symbol: str) -> TwsContract:
        """The contract behind a name.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        contract : TwsContract
            The one given, else the share of that name, routed by ``SMART`` and paid in dollars.
        """
        known = self._contracts.get(symbol)
        return known if known is not None else TwsContract(symbol.replace(".", " "))

    def desk_name(self, contract: TwsContract) -> str:
        """The name of a contract at the desk.

        Parameters
        ----------
        contract : TwsContract
            As the gateway describes it.

        Returns
        -------
        symbol : str
            The name given for it, else the symbol of a share with a point before its class, else the local
            symbol.
        """
        name = self._names_by_con_id.get(contract.con_id) or self._names.get(_key(contract))
        if name is not None:
            return name
        if contract.sec_type == "STK":
            return contract.symbol.replace(" ", ".")
        return contract.local_symbol or contract.symbol

    def learn(self, symbol: str, contract: TwsContract) -> None:
        """Remember the number of a contract that was asked for by name.

        Parameters
        ----------
        symbol : str
            Name at the desk.
        contract : TwsContract
            From its details.
        """
        if contract.con_id:
            self._names_by_con_id[contract.con_id] = symbol


def _key(contract: TwsContract) -> tuple[str, ...]:
    strike = contract.strike
    if "." in strike:
        strike = strike.rstrip("0").rstrip(".")
    return (contract.symbol, contract.sec_type, contract.currency, contract.expiry, strike or "0", contract.right)


def rules_from_details(symbol: str, details: ContractDetailsMessage, now_ns: int) -> TradingRules:
    """What a contract's details say in the desk's words.

    Parameters
    ----------
    symbol : str
        Name at the desk.
    details : ContractDetailsMessage
        As sent.
    now_ns : int
        Instant at which it is asked whether the contract trades.

    Returns
    -------
    rules : TradingRules
        Shares trade in whole ones: fractions are shown in the details and refused from the API (error 10243).
    """
    contract = details.contract
    is_share = contract.sec_type == "STK"
    lot = max(details.size_increment_e9, E9) if is_share else details.size_increment_e9 or E9
    types = frozenset(_ORDER_TYPES[code] for code in details.order_types if code in _ORDER_TYPES)
    times = frozenset(_TIMES_IN_FORCE[code] for code in details.order_types if code in _TIMES_IN_FORCE)
    is_open = is_within(details.liquid_hours, details.time_zone, now_ns)
    return TradingRules(
        symbol=symbol,
        currency=contract.currency,
        tick_e9=details.min_tick_e9 or E9 // 100,
        lot_e9=lot,
        min_quantity_e9=max(details.min_size_e9, lot),
        multiplier=multiplier_of(contract),
        status=TradingStatus.CLOSED if is_open is False else TradingStatus.TRADING,
        order_types=types or frozenset(OrderType),
        times_in_force=times or frozenset({TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC}),
        can_short=True,
        asset_class=_ASSET_CLASSES.get(contract.sec_type, contract.sec_type.lower()),
        sector=details.industry,
        venue=contract.primary_exchange or contract.exchange,
        expires_ns=_end_of_day_ns(contract.expiry),
    )


def _end_of_day_ns(expiry: str) -> int | None:
    """The end of the last trading day, UTC; a month without a day, as continuous contracts have it, tells none."""
    found = _DAY.match(expiry)
    if found is None:
        return None
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    except ValueError:
        return None
    return (round(day.timestamp()) + 86_400) * E9


def multiplier_of(contract: TwsContract) -> int:
    """Cash per point and contract.

    Parameters
    ----------
    contract : TwsContract
        Instrument.

    Returns
    -------
    multiplier : int
        1 where none is told, or none that is a whole number.
    """
    text = contract.multiplier
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) <= 9 else 1


def is_within(hours: str, time_zone: str, now_ns: int) -> bool | None:
    """Whether an instant is within trading hours.

    Parameters
    ----------
    hours : str
        ``20261120:0930-20261120:1600;20261121:CLOSED``.
    time_zone : str
        In which the hours stand.
    now_ns : int
        Nanoseconds since 1970.

    Returns
    -------
    within : bool or None
        ``None`` if the text cannot be read.

    Examples
    --------
    >>> is_within("20261120:0930-20261120:1600;20261121:CLOSED", "US/Eastern", 1_795_185_000_000_000_000)
    True
    """
    try:
        zone = ZoneInfo(time_zone)
        now = datetime.fromtimestamp(now_ns / 1e9, UTC)
        spans = [span.split("-") for span in hours.split(";") if span and not span.endswith("CLOSED")]
        bounds = [tuple(datetime.strptime(text, "%Y%m%d:%H%M").replace(tzinfo=zone) for text in span) for span in spans]
        return any(start <= now < end for start, end in bounds) if hours else None
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        return None

"""Brokers under test of the port: one harness each.

To add an adapter: write a function that takes the test's temporary folder and yields a :class:`BrokerHarness`, and add
it to ``HARNESSES``. A harness that lacks its extra or its venue calls ``pytest.skip`` itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from nanodesk.brokers.base import Broker
from nanodesk.brokers.paper.broker import PaperBroker
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9
from nanodesk.market.trading_rules import TradingRules

SYMBOL = "AAPL"
OTHER = "MSFT"
CASH = 1_000_000
BID, ASK = 184_990_000_000, 185_010_000_000
SIZE = 100


@dataclass(frozen=True)
class BrokerHarness:
    """One broker, not yet connected, whose account holds CASH and nothing else.

    SYMBOL and OTHER are quoted BID / ASK, SIZE displayed on each side, one cent, one unit, no fees.
    """

    broker: Broker
    set_quote: Callable[[str, int, int, int], None]
    """Symbol, bid, ask (billionths) and displayed size (units): the venue's new quote."""

    place_by_hand: Callable[[str, int, int], None]
    """Symbol, units, limit price: a human buys at the venue, in the same account."""

    can_replace: bool = True
    timeout_s: float = 5.0


def _rules() -> list[TradingRules]:
    return [TradingRules(SYMBOL), TradingRules(OTHER)]


def quote(symbol: str, bid: int, ask: int, size: int) -> Quote:
    return Quote(symbol, bid, ask, None, 0, size * E9, size * E9)


def market(**options: object) -> PaperMarket:
    quotes = [quote(symbol, BID, ASK, SIZE) for symbol in (SYMBOL, OTHER)]
    return PaperMarket(_rules(), quotes=quotes, cash_e9={"USD": CASH * E9}, **options)  # type: ignore[arg-type]


def _over(made: PaperMarket, broker: Broker) -> BrokerHarness:
    from nanodesk.market.enums import Side
    from nanodesk.market.order import Order, OrderType

    def by_hand(symbol: str, units: int, price: int) -> None:
        made.submit("PAPER", Order("hand", symbol, Side.BUY, units * E9, OrderType.LIMIT, price), is_manual=True)

    return BrokerHarness(broker, lambda *words: made.set_quote(quote(*words)), by_hand, timeout_s=0.01)


@contextmanager
def paper(folder: Path) -> Iterator[BrokerHarness]:
    made = market()
    yield _over(made, PaperBroker(made))


@contextmanager
def paper_with_file(folder: Path) -> Iterator[BrokerHarness]:
    made = market()
    broker = PaperBroker(made, state_path=folder / "account.jsonl")
    yield _over(made, broker)
    broker.disconnect()


@contextmanager
def binance(folder: Path) -> Iterator[BrokerHarness]:
    pytest.importorskip("aiohttp")
    import binance_venue

    rules = [replace(one, currency="USDT") for one in _rules()]
    quotes = [quote(symbol, BID, ASK, SIZE) for symbol in (SYMBOL, OTHER)]
    made = PaperMarket(rules, quotes=quotes, cash_e9={"USDT": CASH * E9})
    with binance_venue.running(made=made) as venue, binance_venue.trading(venue, connect=False) as broker:
        inside = _over(made, broker)
        yield BrokerHarness(
            broker,
            lambda *words: venue.do(lambda: inside.set_quote(*words)),
            lambda *words: venue.do(lambda: inside.place_by_hand(*words)),
            timeout_s=1.0,
        )


@contextmanager
def ibkr(folder: Path) -> Iterator[BrokerHarness]:
    pytest.importorskip("ib_async")
    from loopback_tws import LoopbackTws

    made = market()
    with LoopbackTws(market=made) as venue:
        direct = _over(made, venue.broker())
        yield BrokerHarness(
            direct.broker,
            lambda *words: venue.call(direct.set_quote, *words),
            lambda *words: venue.call(direct.place_by_hand, *words),
            timeout_s=1.0,
        )
        direct.broker.disconnect()


@contextmanager
def alpaca(folder: Path) -> Iterator[BrokerHarness]:
    pytest.importorskip("aiohttp")
    import alpaca_venue

    made = market()
    with alpaca_venue.running(made=made) as venue, alpaca_venue.trading(venue, connect=False) as broker:
        inside = _over(made, broker)
        yield BrokerHarness(
            broker,
            lambda *words: venue.do(lambda: inside.set_quote(*words)),
            lambda *words: venue.do(lambda: inside.place_by_hand(*words)),
            timeout_s=1.0,
        )


HARNESSES = {"paper": paper, "paper_with_file": paper_with_file, "binance": binance, "ibkr": ibkr, "alpaca": alpaca}
"""By name; each is a context manager over a temporary folder."""

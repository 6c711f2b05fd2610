"""A desk in a test: paper market, virtual clock, journal, rebalancer."""

from contextlib import contextmanager

from nanodesk.brokers.base import nothing_reached
from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.brokers.paper.values import Fees
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.rebalance.clock_watch import Clocks
from nanodesk.rebalance.config import parse_config
from nanodesk.rebalance.execute import Rebalancer
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from nanodesk.rebalance.target import Target
from nanodesk.risk.kill_switch import KillSwitch
from nanodesk.risk.loss_monitor import LossMonitor

START_NS = 1_706_734_800 * 10**9
NOW = "2024-01-31T21:00:00Z"
QUOTES = {"AAPL": ("184.99", "185.01"), "MSFT": ("369.90", "370.10"), "NVDA": ("599.50", "600.50")}
LIMITS = (
    '[connection]\nbroker = "paper"\n[risk]\nmax_position_pct = 1.0\nmax_trade_usd = 1e7\nmax_batch_notional = 1e8\n'
)


def target(weights, **changes):
    return Target(NOW, weights, **changes)


def quotes_of(prices, sizes=None):
    found = []
    for symbol, (bid, ask) in prices.items():
        size = parse_e9((sizes or {}).get(symbol, "0"))
        found.append(Quote(symbol, parse_e9(bid), parse_e9(ask), None, START_NS, size, size))
    return found


class Desk:
    """Everything that a run needs, over one paper market that outlives its brokers."""

    def __init__(
        self,
        folder,
        *,
        cash="1000000",
        held=None,
        prices=QUOTES,
        sizes=None,
        text="",
        market=None,
        leverage=1,
        can_short=False,
    ):
        self.folder = folder
        self.clock = VirtualClock(START_NS)
        self.market = PaperMarket(
            [TradingRules(symbol, can_short=can_short) for symbol in prices],
            quotes=quotes_of(prices, sizes),
            cash_e9={"USD": parse_e9(cash)},
            holdings_e9={symbol: parse_e9(quantity) for symbol, quantity in (held or {}).items()},
            leverage=leverage,
            fees=Fees(per_unit_e9=3_500_000, minimum_e9=350_000_000),
            now_ns=self.clock,
            **(market or {}),
        )
        self.config = parse_config(LIMITS + text)
        self.steps = []
        self.stop = False
        self.kill_switch = KillSwitch(folder / "kill-switch.json", now_ns=self.clock)

    def monotonic_s(self):
        return self.clock() / 1e9

    @contextmanager
    def open(self, *, reached=nothing_reached, journal_reached=nothing_reached, broker=None):
        """Broker, engine and rebalancer, as one process has them."""
        broker = broker or StandingQuotesBroker(self.market, sleep=self.clock.sleep)
        broker.connect()
        clocks = Clocks(self.clock, self.monotonic_s, self.clock.sleep)
        with Journal.open(self.folder / "orders.db", now_ns=self.clock, reached=journal_reached) as journal:
            engine = OrderEngine(
                broker,
                journal,
                now_ns=self.clock,
                monotonic_s=self.monotonic_s,
                sleep=self.clock.sleep,
                reached=reached,
            )
            limits = self.config.limits()
            yield Rebalancer(
                broker,
                engine,
                self.config,
                kill_switch=self.kill_switch,
                loss_monitor=LossMonitor(limits, path=self.folder / "losses.json"),
                clocks=clocks,
                reached=lambda step: (self.steps.append(step), reached(step)),
                should_stop=lambda: self.stop,
            )
        broker.disconnect()

    def events(self):
        with Journal.open(self.folder / "orders.db", read_only=True) as journal:
            return [(event.kind, event.payload) for event in journal.read()]

    def held(self):
        return {holding.symbol: holding.quantity_e9 / 1e9 for holding in self.market.positions("PAPER")}

    def open_orders(self):
        return tuple(order for order in self.market.orders("PAPER") if not order.state.is_terminal)

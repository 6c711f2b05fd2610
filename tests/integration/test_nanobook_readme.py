"""The examples of the published README, PyPI page and reference, word for word, over our names."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from nanodesk.compat import nanobook as compatible

BRIDGE = """
import nanobook

result = nanobook.py_backtest_weights(
    weight_schedule=[
        [("AAPL", 0.5), ("MSFT", 0.5)],
        [("AAPL", 0.3), ("NVDA", 0.7)],
    ],
    price_schedule=[
        [("AAPL", 185_00), ("MSFT", 370_00)],
        [("AAPL", 190_00), ("MSFT", 380_00), ("NVDA", 600_00)],
    ],
    initial_cash=1_000_000_00,  # $1M in cents
    cost_bps=15,                # 15 bps round-trip
    stop_cfg={"trailing_stop_pct": 0.05},
)

print(f"Sharpe: {result['metrics'].sharpe:.2f}")
print(f"Max DD: {result['metrics'].max_drawdown:.1%}")
print(result["holdings"][-1])    # per-period symbol weights
print(result["stop_events"])     # stop trigger metadata
"""

GATING = """
import nanobook

def has_nanobook() -> bool:
    try:
        import nanobook as _nb  # noqa: F401
        return True
    except Exception:
        return False

def nanobook_version() -> str | None:
    return getattr(nanobook, "__version__", None) if has_nanobook() else None

def has_nanobook_feature(name: str) -> bool:
    if not has_nanobook():
        return False

    caps = set(nanobook.py_capabilities()) if hasattr(nanobook, "py_capabilities") else set()
    if name in caps:
        return True

    # Symbol fallback for older builds
    symbol_map = {
        "backtest_stops": "py_backtest_weights",
        "garch_forecast": "py_garch_forecast",
        "optimize_min_variance": "py_optimize_min_variance",
        "optimize_max_sharpe": "py_optimize_max_sharpe",
        "optimize_risk_parity": "py_optimize_risk_parity",
        "optimize_cvar": "py_optimize_cvar",
        "optimize_cdar": "py_optimize_cdar",
        "backtest_holdings": "py_backtest_weights",
    }
    sym = symbol_map.get(name)
    return bool(sym and hasattr(nanobook, sym))
"""

PORTFOLIO = """
import nanobook

portfolio = nanobook.Portfolio(1_000_000_00, nanobook.CostModel(commission_bps=5))
portfolio.rebalance_simple([("AAPL", 0.6)], [("AAPL", 150_00)])
portfolio.record_return([("AAPL", 155_00)])
metrics = portfolio.compute_metrics(252.0, 0.0)
print(f"Sharpe: {metrics.sharpe:.2f}")
"""

OPTIMIZER = """
import nanobook
import numpy as np

# Daily returns matrix (T × N)
returns = np.random.randn(252, 5) * 0.01

weights = nanobook.optimize_max_sharpe(returns, risk_free_rate=0.0)
print(dict(zip(["A","B","C","D","E"], weights)))
"""

CALLBACK = """
import nanobook

result = nanobook.run_backtest(
strategy=lambda bar, prices, portfolio: [("AAPL", 0.5), ("GOOG", 0.5)],
price_series=[{"AAPL": 150_00, "GOOG": 280_00}] * 252,
initial_cash=1_000_000_00,
cost_model=nanobook.CostModel.zero(),
)
"""

VISION = """
import nanobook

weight_schedule = [[("AAPL", 1.0)]] * 3
prices = [[("AAPL", 100_00)], [("AAPL", 110_00)], [("AAPL", 105_00)]]
cash, cost_bps = 1_000_000_00, 15
result = nanobook.backtest_weights(weight_schedule, prices, cash, cost_bps)
print(result.metrics.sharpe)
"""

POSITION = """
from nanobook import Position, Symbol

pos = Position(Symbol.new("AAPL"))
pos.apply_fill(100, 150_00)  # buy 100 @ $150
pos.apply_fill(-50, 160_00)  # sell 50 @ $160
"""

EXCHANGE = """
import nanobook

ex = nanobook.Exchange()
result = ex.submit_limit("buy", 10050, 100, "gtc")
result = ex.submit_market("sell", 50)
ex.cancel(result.order_id)
bid, ask = ex.best_bid_ask()
snap = ex.depth(10)
"""

STOPS = """
ex.submit_stop_market("sell", 9500, 100)
ex.submit_stop_limit("buy", 10500, 10600, 100, "gtc")
ex.submit_trailing_stop_market("sell", 9500, 100, "percentage", 0.05)
"""

ITCH = """
import nanobook

events = nanobook.parse_itch("data/sample.itch")
"""

# The Rust examples of the reference, in Python: what the published package keeps to itself.
BOOK = """
from nanobook import Exchange, MultiExchange, Price, Side, Symbol, TimeInForce, Trade

exchange = Exchange()
exchange.submit_limit(Side.Sell, Price(50_00), 100, TimeInForce.GTC)
result = exchange.submit_limit(Side.Buy, Price(50_00), 100, TimeInForce.GTC)
assert len(result.trades) == 1
assert result.trades[0].price == Price(50_00)

assert str(Price(100_50)) == "$100.50"
assert Price(100_00) < Price(101_00)

events = exchange.events()
replayed = Exchange.replay(events)
assert exchange.best_bid_ask() == replayed.best_bid_ask()

exchange.save("orders.jsonl")
loaded = Exchange.load("orders.jsonl")
assert loaded.trades() == exchange.trades()

vwap = Trade.vwap(exchange.trades())

multi = MultiExchange()
aapl = Symbol.new("AAPL")
multi.get_or_create(aapl).submit_limit(Side.Sell, Price(150_00), 100, TimeInForce.GTC)
quotes = [f"{sym}: bid={bid!r} ask={ask!r}" for sym, bid, ask in multi.best_prices()]
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Execute an example where ``import nanobook`` finds our names."""
    monkeypatch.setitem(sys.modules, "nanobook", compatible)

    def execute(text: str) -> dict[str, Any]:
        scope: dict[str, Any] = {}
        exec(text, scope)  # noqa: S102
        return scope

    return execute


class TestReadme:
    def test_bridge(self, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
        result = run(BRIDGE)["result"]
        printed = capsys.readouterr().out.splitlines()
        assert printed[:2] == ["Sharpe: 9.95", "Max DD: 0.1%"]
        assert printed[3] == "[]"
        # The numbers of the wheel (spec 13.3).
        assert result["equity_curve"] == [100000000, 99850040, 102336556]
        assert result["final_cash"] == -203444

    def test_capability_gating(self, run: Any) -> None:
        scope = run(GATING)
        assert scope["nanobook_version"]() == "0.9.1"
        asked = ["backtest_stops", "garch_forecast", "optimize_min_variance", "optimize_max_sharpe",
                 "optimize_risk_parity", "optimize_cvar", "optimize_cdar", "backtest_holdings"]  # fmt: skip
        assert [name for name in asked if not scope["has_nanobook_feature"](name)] == []
        assert not scope["has_nanobook_feature"]("teleport")

    def test_portfolio_and_metrics(self, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(PORTFOLIO)["portfolio"].returns() == [0.0197]
        assert capsys.readouterr().out == "Sharpe: 0.00\n"

    def test_optimizer_without_symbols(self, run: Any) -> None:
        weights = run(OPTIMIZER)["weights"]
        assert len(weights) == 5
        assert sum(weights) == pytest.approx(1.0)

    def test_strategy_callback(self, run: Any) -> None:
        result = run(CALLBACK)["result"]
        assert len(result.portfolio.returns()) == 252
        assert result.metrics.num_periods == 252

    def test_attributes_of_the_result(self, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
        result = run(VISION)["result"]
        assert float(capsys.readouterr().out) == result["metrics"].sharpe

    def test_position(self, run: Any) -> None:
        assert run(POSITION)["pos"].realized_pnl == 500_00

    def test_exchange_and_stops(self, run: Any) -> None:
        scope = run(EXCHANGE + STOPS)
        assert (scope["bid"], scope["ask"]) == (10050, None)
        assert scope["snap"].bids[0].quantity == 50
        # The last trade was at 10,050: the buy stop at 10,500 waits, and so do the sells.
        assert scope["ex"].pending_stop_count() == 3

    def test_itch(self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        message = b"A" + bytes(10) + struct.pack(">QcI8sI", 7, b"B", 100, b"AAPL    ", 1_500_099)
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "sample.itch").write_bytes(struct.pack(">H", len(message)) + message)
        monkeypatch.chdir(tmp_path)
        (told,) = run(ITCH)["events"]
        assert told[0] == "AAPL"
        assert "SubmitLimit" in repr(told[1])
        assert "price: Price(15000)" in repr(told[1])

    def test_reference(self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        scope = run(BOOK)
        assert scope["vwap"] == 50_00
        assert scope["quotes"] == ["AAPL: bid=None ask=15000"]

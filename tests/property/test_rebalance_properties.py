"""Whatever market a rebalance meets: no money is spent twice, nothing stays open, and the books agree."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanodesk.oms.journal import Journal
from nanodesk.oms.ledger import Ledger
from nanodesk.rebalance.execute import RunOptions
from nanodesk.rebalance.run_report import RunOutcome
from rebalance_desk import QUOTES, Desk, target

WEIGHTS = st.dictionaries(st.sampled_from(sorted(QUOTES)), st.sampled_from([0.05, 0.2, 0.33]), min_size=1)
SIZES = st.dictionaries(st.sampled_from(sorted(QUOTES)), st.sampled_from(["1", "40", "300"]))
HELD = st.dictionaries(st.sampled_from(sorted(QUOTES)), st.sampled_from(["1", "70", "900"]))
STYLES = st.sampled_from(["limit", "market", "twap", "peg"])


@given(HELD, st.lists(WEIGHTS, min_size=1, max_size=2), SIZES, STYLES, st.sampled_from(["0", "500", "200000"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_market(held, targets, sizes, style, cash):
    text = f'[execution]\norder_type = "{style}"\norder_timeout_secs = 20\ntwap_slices = 3\ntwap_interval_secs = 3\n'
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), held=held, sizes=sizes, cash=cash, text=text)
        if not held and cash == "0":
            return
        for weights in targets:
            with desk.open() as rebalancer:
                report = rebalancer.run(target(weights), RunOptions())
            assert report.outcome is not RunOutcome.UNRESOLVED, report.reason
            assert desk.open_orders() == ()
            assert desk.market.account("PAPER").cash_e9 >= 0
            assert all(quantity >= 0 for quantity in desk.held().values())
            planned = {line.line: line.quantity_e9 for line in report.plan.orders}
            for result in report.lines:
                assert result.filled_e9 <= planned[result.line.line]
        ledger = Ledger()
        with Journal.open(Path(folder) / "orders.db", read_only=True) as journal:
            for event in journal.read():
                ledger.apply(event)
        assert {symbol: held_e9 / 1e9 for symbol, held_e9 in ledger.positions_e9().items()} == desk.held()

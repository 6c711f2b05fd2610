import json
from pathlib import Path

import pytest

from nanodesk.compat.nanobook import CostModel, Portfolio, Position


def traded(*weights: float, price: int = 100, cash: int = 1_000_000) -> Portfolio:
    portfolio = Portfolio(cash, CostModel.zero())
    for weight in weights:
        portfolio.rebalance_simple([("A", weight)], [("A", price)])
    return portfolio


class TestCostModel:
    def test_rounds_down_and_has_a_minimum(self) -> None:
        model = CostModel(10, 5, 100)
        assert [model.compute_cost(notional) for notional in (1_000_000, 0, 1_005_000, -1_005_000)] == [
            1500, 100, 1507, 1507,
        ]  # fmt: skip

    def test_is_capped_at_64_bits(self) -> None:
        assert CostModel(2**32 - 1, 2**32 - 1).compute_cost(2**63 - 1) == 2**63 - 1

    def test_zero(self) -> None:
        assert repr(CostModel.zero()) == "CostModel(commission_bps=0, slippage_bps=0, min_trade_fee=0)"


class TestPosition:
    def test_truncated_average_loses_cents_as_published(self) -> None:
        # Specification, section 10, from the wheel.
        position = Position("A")
        position.apply_fill(300, 333)
        position.apply_fill(728, 341)
        assert (position.total_cost, position.avg_entry_price) == (348148, 338)
        position.apply_fill(-738, 350)
        assert (position.realized_pnl, position.quantity, position.total_cost, position.avg_entry_price) == (
            8856, 290, 98704, 340,
        )  # fmt: skip

    def test_partly_covered_short_keeps_its_average(self) -> None:
        position = Position("A")
        seen = []
        for shares in (-1000, 500, 300, 200):
            position.apply_fill(shares, 100)
            seen.append((position.quantity, position.avg_entry_price, position.total_cost, position.realized_pnl))
        assert seen == [(-1000, 100, -100000, 0), (-500, 100, -50000, 0), (-200, 100, -20000, 0), (0, 0, 0, 0)]

    def test_short_realizes_the_fall(self) -> None:
        position = Position("A")
        position.apply_fill(-100, 200)
        position.apply_fill(40, 150)
        assert (position.realized_pnl, position.unrealized_pnl(150)) == (2000, 3000)

    def test_flip_opens_the_rest_at_the_fill_price(self) -> None:
        position = Position("A")
        position.apply_fill(100, 200)
        position.apply_fill(-150, 210)
        assert (position.quantity, position.avg_entry_price, position.realized_pnl) == (-50, 210, 1000)
        assert position.market_value(210) == -10500

    def test_what_the_portfolio_hands_out_is_a_copy(self) -> None:
        portfolio = traded(0.5)
        held = portfolio.position("A")
        assert held is not None
        held.apply_fill(1, 100)
        assert portfolio.positions()["A"].quantity == 5000


class TestPortfolio:
    def test_costs_are_not_reserved(self) -> None:
        portfolio = Portfolio(100_000, CostModel(100))
        portfolio.rebalance_simple([("A", 1.0)], [("A", 100)])
        assert portfolio.cash == -1000

    def test_shares_are_truncated(self) -> None:
        portfolio = Portfolio(10_000, CostModel.zero())
        portfolio.rebalance_simple([("A", 1.0)], [("A", 300)])
        assert portfolio.positions()["A"].quantity == 33
        portfolio.rebalance_simple([("A", 0.5)], [("A", 300)])
        assert portfolio.positions()["A"].quantity == 17

    def test_later_of_two_targets_wins(self) -> None:
        portfolio = Portfolio(1_000_000, CostModel.zero())
        portfolio.rebalance_simple([("A", 0.5), ("A", 0.2)], [("A", 100)])
        assert portfolio.positions()["A"].quantity == 2000

    def test_closed_position_stays_flat(self) -> None:
        portfolio = traded(0.5, 0.0)
        assert portfolio.positions()["A"].quantity == 0
        assert portfolio.current_weights([("A", 100)]) == []

    @pytest.mark.parametrize("prices", [[], [("A", 0)], [("A", -7)], [("B", 5)]])
    def test_holding_without_a_price_keeps_the_last_one(self, prices: list[tuple[str, int]]) -> None:
        portfolio = traded(0.5)
        portfolio.record_return([("A", 110)])
        assert portfolio.total_equity(prices) == 1_050_000
        portfolio.rebalance_simple([], prices)
        assert portfolio.positions()["A"].quantity == 5000
        portfolio.record_return(prices)
        assert portfolio.returns() == [0.05, 0.0]

    def test_query_does_not_change_the_last_price(self) -> None:
        portfolio = traded(0.5)
        portfolio.total_equity([("A", 500)])
        assert portfolio.total_equity([]) == 1_000_000

    def test_no_return_from_nothing(self) -> None:
        portfolio = Portfolio(0, CostModel.zero())
        portfolio.record_return([])
        assert (portfolio.returns(), portfolio.equity_curve()) == ([], [0, 0])

    def test_positions_are_in_the_order_of_the_first_trade(self) -> None:
        portfolio = Portfolio(1_000_000, CostModel.zero())
        prices = [(symbol, 100) for symbol in ("ZZZ", "AAPL", "MSFT")]
        portfolio.rebalance_simple([(symbol, 0.1) for symbol, _ in prices], prices)
        assert list(portfolio.positions()) == ["ZZZ", "AAPL", "MSFT"]
        assert [symbol for symbol, _ in portfolio.current_weights(prices)] == ["ZZZ", "AAPL", "MSFT"]

    def test_nothing_wraps_beyond_64_bits(self) -> None:
        portfolio = traded(1e30, price=1)
        assert portfolio.positions()["A"].quantity == 2**63 - 1
        assert portfolio.cash == 1_000_000 - (2**63 - 1)
        assert portfolio.total_equity([("A", 3)]) == 1_000_000 + 2 * (2**63 - 1)

    def test_returned_lists_are_copies(self) -> None:
        portfolio = traded(0.5)
        portfolio.equity_curve().append(7)
        portfolio.returns().append(7.0)
        assert (portfolio.equity_curve(), portfolio.returns()) == ([1_000_000], [])

    def test_snapshot(self) -> None:
        assert traded(0.5).snapshot([("A", 120)]) == {
            "cash": 500_000,
            "equity": 1_100_000,
            "num_positions": 1,
            "total_realized_pnl": 0,
            "weights": {"A": 600_000 / 1_100_000},
        }

    def test_copy_is_independent(self) -> None:
        portfolio = traded(0.5)
        twin = portfolio.copy()
        twin.rebalance_simple([], [("A", 100)])
        twin.record_return([("A", 100)])
        assert (portfolio.cash, portfolio.returns()) == (500_000, [])


class TestPortfolioFile:
    def test_round_trip_keeps_the_last_price(self, tmp_path: Path) -> None:
        portfolio = traded(0.5)
        portfolio.record_return([("A", 120)])
        path = str(tmp_path / "portfolio.json")
        portfolio.save_json(path)
        back = Portfolio.load_json(path)
        assert repr(back) == repr(portfolio)
        assert repr(back.positions()) == repr(portfolio.positions())
        assert (back.returns(), back.equity_curve()) == (portfolio.returns(), portfolio.equity_curve())
        assert back.total_equity([]) == 1_100_000
        back.record_return([])
        assert back.returns()[-1] == 0.0

    def test_published_file_has_no_last_prices(self, tmp_path: Path) -> None:
        path = tmp_path / "portfolio.json"
        traded(0.5).save_json(str(path))
        state = json.loads(path.read_text())
        del state["last_prices"]
        path.write_text(json.dumps(state))
        assert Portfolio.load_json(str(path)).total_equity([]) == 1_000_000

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "Expecting"),
            ("{}", "missing field `cash`"),
            ("[]", "list"),
            ('{"cash": 1.5}', "missing field `cost_model`"),
        ],
    )
    def test_what_is_no_portfolio_is_refused(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "portfolio.json"
        path.write_text(text)
        with pytest.raises(OSError, match=message):
            Portfolio.load_json(str(path))

    def test_failed_write_leaves_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="No such file"):
            traded(0.5).save_json(str(tmp_path / "nowhere" / "portfolio.json"))
        assert list(tmp_path.iterdir()) == []

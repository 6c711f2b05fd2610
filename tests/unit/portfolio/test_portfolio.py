import math

import numpy as np
import pytest

from nanodesk.errors import PriceError, ValidationError, WeightsError
from nanodesk.market.instrument import Instrument
from nanodesk.metrics.performance import compute_metrics
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.fills import Fill
from nanodesk.portfolio.portfolio import Portfolio, PortfolioSnapshot

FREE = CostModel()


def portfolio(cash=1_000_000, costs=FREE, **options):
    return Portfolio(cash, costs, **options)


class TestPortfolio:
    def test_example_of_the_readme(self):
        book = Portfolio(1_000_000_00, CostModel(commission_bps=5))
        book.rebalance_simple([("AAPL", 0.6)], [("AAPL", 150_00)])
        book.record_return([("AAPL", 155_00)])
        assert book.position("AAPL").quantity == 4000
        assert book.cash == 1_000_000_00 - 4000 * 150_00 - 300_00
        metrics = book.compute_metrics(252.0, 0.0)
        assert metrics.total_return == pytest.approx((20_000_00 - 300_00) / 1_000_000_00)

    def test_shows_what_it_is(self):
        assert repr(portfolio()) == "Portfolio(cash=$10000.00, positions=0, returns=0)"

    @pytest.mark.parametrize("cash", [0, -1, 1.5, True, None, math.nan, 2**63])
    def test_refuses_cash_that_is_none(self, cash):
        with pytest.raises(ValidationError, match="initial_cash"):
            Portfolio(cash, FREE)

    def test_refuses_options_it_does_not_know(self):
        with pytest.raises(ValidationError, match="missing_price='zero'"):
            portfolio(missing_price="zero")
        with pytest.raises(ValidationError, match="rounding"):
            portfolio(rounding="up")
        with pytest.raises(ValidationError, match="cost_model"):
            Portfolio(1, 5)

    def test_refuses_an_impact_it_cannot_measure(self):
        with pytest.raises(ValidationError, match="impact_coef"):
            portfolio(costs=CostModel(impact_coef=0.1))


class TestRebalanceSimple:
    def test_truncates_toward_zero(self):
        book = portfolio(10_000)
        assert book.rebalance_simple([("A", 1.0)], [("A", 300)])[0].quantity == 33
        assert book.rebalance_simple([("A", 0.5)], [("A", 300)])[0].quantity == -17

    def test_truncates_the_trade_by_option(self):
        # the sequence of the specification: 33, then 16 sold, 17 left
        book = portfolio(10_000, rounding="trade")
        book.rebalance_simple([("A", 1.0)], [("A", 300)])
        assert book.rebalance_simple([("A", 0.5)], [("A", 300)])[0].quantity == -16

    def test_costs_are_reserved(self):
        # WEAK 4 of the peer: the same ended with -1000 of cash
        book = portfolio(100_000, CostModel(commission_bps=100))
        book.rebalance_simple([("A", 1.0)], [("A", 100)])
        assert book.position("A").quantity == 990
        assert book.cash == 100_000 - 99_000 - 990

    def test_costs_are_not_reserved_by_option(self):
        book = portfolio(100_000, CostModel(commission_bps=100), reserve_costs=False)
        book.rebalance_simple([("A", 1.0)], [("A", 100)])
        assert book.cash == -1000

    def test_sells_before_it_buys(self):
        # WEAK 4 of the peer: it traded in the order of the list
        book = portfolio(10_000)
        prices = {"A": 100, "B": 100}
        book.rebalance_simple([("B", 1.0)], prices)
        fills = book.rebalance_simple([("A", 1.0), ("B", 0.0)], prices)
        assert [(fill.symbol, fill.quantity) for fill in fills] == [("B", -100), ("A", 100)]
        assert book.cash == 0

    def test_order_of_the_lists_does_not_matter(self):
        # WEAK 11 of the peer: iteration followed the order of a hash
        prices = {"B": 70, "A": 130, "C": 11}
        targets = {"C": 0.3, "A": 0.5, "B": 0.2}
        costs = CostModel(commission_bps=20, min_commission=0.5)
        first, second = portfolio(10_000, costs), portfolio(10_000, costs)
        one = first.rebalance_simple(targets, prices)
        two = second.rebalance_simple(sorted(targets.items()), sorted(prices.items(), reverse=True))
        assert one == two
        assert [fill.symbol for fill in one] == ["A", "B", "C"]

    def test_closes_what_is_not_named(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", 0.5), ("B", 0.5)], {"A": 100, "B": 100})
        book.rebalance_simple([("B", 0.5)], {"A": 110, "B": 100})
        assert book.position("A").is_flat
        assert book.position("A").realized_pnl == 500
        assert book.positions().keys() == {"A", "B"}

    def test_without_a_price_nothing_trades(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", 1.0)], {"A": 100, "B": 50})
        assert book.rebalance_simple([("B", 1.0)], {"B": 50}) == ()
        assert book.position("A").quantity == 100

    def test_shorts(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", -0.5)], {"A": 100})
        assert (book.position("A").quantity, book.cash) == (-50, 15_000)
        book.record_return({"A": 90})
        assert book.returns().tolist() == [0.05]

    def test_multipliers_and_lots(self):
        instruments = {
            "ES": Instrument("ES", tick_size=25, multiplier=50),
            "LOT": Instrument("LOT", lot_size=100),
        }
        book = portfolio(10_000_000_00, instruments=instruments)
        book.rebalance_simple([("ES", 0.5), ("LOT", 0.5)], {"ES": 480_000, "LOT": 99})
        assert book.position("ES").quantity == 500_000_000 // (480_000 * 50)
        assert book.position("LOT").quantity == 500_000_000 // 99 // 100 * 100
        book.record_return({"ES": 480_100, "LOT": 99})
        assert book.equity_curve()[-1] - book.equity_curve()[0] == 20 * 100 * 50

    def test_symbols_of_any_length(self):
        # WEAK 14 of the peer: eight bytes
        book = portfolio(10_000)
        book.rebalance_simple([("BTCUSDT-PERP-240628", 1.0)], {"BTCUSDT-PERP-240628": 10})
        assert book.position("BTCUSDT-PERP-240628").quantity == 1000

    def test_a_sale_that_costs_more_than_the_cash_is_left(self):
        book = portfolio(1_000, CostModel(min_commission=5.0))
        book.rebalance_simple([("A", 1.0)], {"A": 100})
        assert (book.position("A").quantity, book.cash) == (5, 0)
        assert book.rebalance_simple([], {"A": 10}) == ()
        assert book.cash == 0

    def test_without_equity_nothing_trades(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", -1.0)], {"A": 100})
        assert book.rebalance_simple([("A", 0.0)], {"A": 300}) == ()

    @pytest.mark.parametrize(
        ("targets", "prices", "error"),
        [
            ([("A", math.nan)], {"A": 100}, WeightsError),
            ([("A", 0.5), ("A", 0.5)], {"A": 100}, WeightsError),
            ([("A", "0.5")], {"A": 100}, WeightsError),
            ([("A", 0.5)], {"A": math.nan}, PriceError),
            ([("A", 0.5)], {"A": 0}, PriceError),
            ([("A", 0.5)], {"A": -5}, PriceError),
            ([("A", 0.5)], {"A": 1.5}, PriceError),
            ([("B", 0.5)], {"A": 100}, ValidationError),
        ],
    )
    def test_bad_input_trades_nothing(self, targets, prices, error):
        book = portfolio()
        with pytest.raises(error):
            book.rebalance_simple(targets, prices)
        assert (book.cash, book.positions()) == (1_000_000, {})

    def test_refuses_what_is_not_among_the_instruments(self):
        book = portfolio(instruments={"A": Instrument("A")})
        with pytest.raises(ValidationError, match="instruments"):
            book.rebalance_simple([("B", 0.5)], {"A": 100})

    def test_refuses_a_weight_at_a_price_below_zero(self):
        book = portfolio(instruments={"CL": Instrument("CL", allows_negative_price=True)})
        with pytest.raises(PriceError, match="CL"):
            book.rebalance_simple([("CL", 0.5)], {"CL": -3763})


class TestTotalEquity:
    def test_a_missing_price_carries_the_last(self):
        # BUG 6 of the peer: the holding counted as 0, a return of -100 %, and later periods were lost
        book = portfolio(10_000)
        book.rebalance_simple([("A", 1.0)], {"A": 100})
        book.record_return({"A": 110})
        book.record_return({})
        book.record_return({"A": 121})
        assert book.returns().tolist() == pytest.approx([0.1, 0.0, 0.1])
        assert book.total_equity({}) == 12_100

    def test_a_missing_price_raises_by_option(self):
        book = portfolio(10_000, missing_price="raise")
        book.rebalance_simple([("A", 1.0)], {"A": 100})
        for ask in (book.total_equity, book.current_weights, book.record_return, book.snapshot):
            with pytest.raises(PriceError, match="'A'"):
                ask({"B": 5})
        assert len(book.returns()) == 0

    def test_asking_changes_nothing(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", 1.0)], {"A": 100})
        assert book.total_equity({"A": 500}) == 50_000
        assert book.total_equity({}) == 10_000


class TestCurrentWeights:
    def test_names_what_is_held(self):
        book = portfolio(10_000)
        book.rebalance_simple([("B", 0.25), ("A", -0.5), ("C", 0.1)], {"A": 100, "B": 100, "C": 100})
        book.rebalance_simple([("B", 0.25), ("A", -0.5)], {"A": 100, "B": 100, "C": 100})
        assert book.current_weights({"A": 100, "B": 100}) == [("A", -0.5), ("B", 0.25)]

    def test_without_equity_there_are_none(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", -1.0)], {"A": 100})
        assert book.current_weights({"A": 200}) == []


class TestRecordReturn:
    def test_one_return_for_every_period_even_after_ruin(self):
        # the peer drops the return of a period that begins with nothing: returns shorter than the curve
        book = portfolio(10_000)
        book.rebalance_simple([("A", -1.0)], {"A": 100})
        for price in (200, 250, 100):
            book.record_return({"A": price})
        assert book.returns().tolist() == [-1.0, 0.0, 0.0]
        assert book.equity_curve().tolist() == [10_000, 0, -5_000, 10_000]

    def test_borrow_is_charged_on_shorts(self):
        book = portfolio(10_000_00, CostModel(borrow_bps_year=252.0))
        book.rebalance_simple([("A", -0.5), ("B", 0.5)], {"A": 100, "B": 100})
        book.record_return({"A": 100, "B": 100}, periods_per_year=252)
        assert book.equity_curve()[-1] == 10_000_00 - 50

    def test_refuses_equity_beyond_64_bits(self):
        book = portfolio(10**15)
        book.rebalance_simple([("A", 1.0)], {"A": 1})
        with pytest.raises(ValidationError, match="equity"):
            book.record_return({"A": 10**5})
        assert (len(book.returns()), len(book.equity_curve())) == (0, 1)

    def test_refuses_periods_that_are_none(self):
        with pytest.raises(ValidationError, match="periods_per_year"):
            portfolio().record_return({}, periods_per_year=0)


class TestApplyFill:
    def test_books_a_fill_from_elsewhere(self):
        book = portfolio(10_000)
        book.apply_fill(Fill("A", 10, 100, 1000, 7))
        assert (book.cash, book.position("A").quantity) == (8_993, 10)
        assert book.total_equity({}) == 9_993


class TestSnapshot:
    def test_gathers_what_it_is_worth(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", 0.5), ("B", 0.5)], {"A": 100, "B": 100})
        book.rebalance_simple([("A", 0.5)], {"A": 100, "B": 120})
        assert book.snapshot({"A": 110}) == PortfolioSnapshot(
            cash=5_500, equity=11_550, num_positions=1, total_realized_pnl=1_000, weights={"A": 6050 / 11_550}
        )


class TestComputeMetrics:
    def test_none_before_the_first_period(self):
        assert portfolio().compute_metrics() is None

    def test_of_the_returns(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", 1.0)], {"A": 100})
        for price in (110, 105, 120):
            book.record_return({"A": price})
        expected = compute_metrics(book.returns(), periods_per_year=12.0, risk_free=0.001)
        assert book.compute_metrics(12.0, 0.001) == expected


class TestCopy:
    def test_goes_its_own_way(self):
        book = portfolio(10_000)
        book.rebalance_simple([("A", 0.5)], {"A": 100})
        twin = book.copy()
        twin.rebalance_simple([("B", 1.0)], {"A": 100, "B": 10})
        twin.record_return({"A": 1, "B": 1})
        assert book.cash == 5_000
        assert book.positions().keys() == {"A"}
        assert len(book.returns()) == 0
        assert book.total_equity({}) == 10_000


class TestEquityCurve:
    def test_begins_with_the_cash(self):
        curve = portfolio(10_000).equity_curve()
        assert curve.dtype == np.int64
        assert curve.tolist() == [10_000]

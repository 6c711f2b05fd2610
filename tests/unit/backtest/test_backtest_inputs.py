"""Every accepted form of prices and weights gives the same books; every wrong one gives one clear error."""

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from nanodesk.backtest.stops import Stops
from nanodesk.backtest.weights import HOLD, backtest_weights
from nanodesk.errors import PriceError, QuantityError, ShapeError, ValidationError, WeightsError
from nanodesk.market.panel import PricePanel
from nanodesk.portfolio.costs import CostModel

DATES = np.array(["2024-01-02", "2024-01-03", "2024-01-05"], dtype="datetime64[D]")
DAYS = [dt.date(2024, 1, 2), dt.date(2024, 1, 3), dt.date(2024, 1, 5)]
CLOSES = np.array([[10.0, 20.0], [11.0, 19.0], [12.0, 21.0]])
WEIGHTS = np.array([[0.5, 0.5], [HOLD, HOLD], [1.0, 0.0]])


def run(weights=WEIGHTS, prices=CLOSES, **options):
    options = {"fill": "same_close", "cash": 1000.0} | options
    return backtest_weights(weights, prices, **options)


EXPECTED = run(dates=DATES, symbols=["A", "B"])


def same(result):
    return (result.exact.equity / result.exact.money_scale == EXPECTED.equity).all() and (
        result.holdings == EXPECTED.holdings
    ).all()


class TestPriceForms:
    def test_panel(self):
        result = run(prices=PricePanel(dates=DATES, symbols=("A", "B"), close=CLOSES))
        assert same(result)
        assert result.symbols == ("A", "B")
        assert (result.dates == DATES).all()

    def test_integers_are_cents(self):
        result = run(prices=(CLOSES * 100).astype(np.int64))
        assert same(result)
        assert result.exact.price_scale == 100

    def test_float32_and_fortran_order(self):
        assert same(run(prices=np.asfortranarray(CLOSES.astype(np.float32))))

    def test_nested_lists(self):
        assert same(run(prices=CLOSES.tolist(), weights=WEIGHTS.tolist()))

    def test_wide_frame(self):
        assert same(run(prices=pl.DataFrame({"date": DAYS, "A": CLOSES[:, 0], "B": CLOSES[:, 1]})))

    def test_wide_frame_of_cents(self):
        frame = pl.DataFrame({"date": DAYS, "A": [1000, 1100, 1200], "B": [2000, 1900, 2100]})
        assert same(run(prices=frame))

    def test_long_frame_in_any_order(self):
        rows = [(DAYS[t], "AB"[i], CLOSES[t, i], CLOSES[t, i] - 1) for t in range(3) for i in range(2)]
        frame = pl.DataFrame(rows[::-1], schema=["date", "symbol", "close", "open"], orient="row")
        assert same(run(prices=frame))
        assert run(prices=frame, fill="next_open").trades.price[0] == 10.0

    def test_lists_of_pairs(self):
        pairs = [list(zip("AB", row, strict=True)) for row in CLOSES.tolist()]
        assert same(run(prices=pairs))

    def test_pairs_of_cents_in_changing_order(self):
        pairs = [
            [("A", 1000), ("B", 2000)],
            [("B", 1900), ("A", 1100)],
            [["A", np.int64(1200)], ["B", 2100]],
        ]
        assert same(run(prices=pairs))

    def test_a_symbol_may_appear_late(self):
        pairs = [[("A", 1000)], [("A", 1100), ("B", 1900), ("C", 5)], [("B", 2100), ("A", 1200)]]
        result = run(prices=pairs, weights=[[("A", 0.5)], None, [("A", 1.0)]])
        assert result.symbols == ("A", "B", "C")
        assert math.isnan(result.symbol_returns[1, 1])

    def test_one_symbol_as_a_vector(self):
        assert run(prices=CLOSES[:, 0], weights=[1.0, HOLD, HOLD]).equity.tolist() == [1000, 1100, 1200]


class TestWeightForms:
    def test_decision_rows_by_index(self):
        assert same(run(weights=WEIGHTS[[0, 2]], rebalance=[0, 2]))

    def test_decision_rows_by_date(self):
        assert same(run(weights=WEIGHTS[[0, 2]], rebalance=DATES[[0, 2]], dates=DATES))

    def test_mask_over_full_weights(self):
        full = np.where(np.isnan(WEIGHTS), 0.3, WEIGHTS)
        assert same(run(weights=full, rebalance=np.array([True, False, True])))

    def test_wide_frame_dates_are_decisions(self):
        frame = pl.DataFrame({"date": [DAYS[0], DAYS[2]], "B": [0.5, 0.0], "A": [0.5, 1.0]})
        assert same(run(weights=frame, dates=DATES, symbols=["A", "B"]))

    def test_nulls_hold(self):
        frame = pl.DataFrame({"date": DAYS, "A": [0.5, None, 1.0], "B": [0.5, None, 0.0]})
        assert same(run(weights=frame, dates=DATES, symbols=["A", "B"]))

    def test_long_frame_sells_what_it_does_not_name(self):
        frame = pl.DataFrame(
            {
                "date": [DAYS[0], DAYS[0], DAYS[2]],
                "symbol": ["A", "B", "A"],
                "weight": [0.5, 0.5, 1.0],
            }
        )
        assert same(run(weights=frame, dates=DATES, symbols=["A", "B"]))

    def test_pairs_sell_what_they_do_not_name_and_none_holds(self):
        pairs = [[("A", 0.5), ("B", 0.5)], None, [("A", 1)]]
        assert same(run(weights=pairs, symbols=["A", "B"]))

    def test_an_empty_row_of_pairs_goes_to_cash(self):
        result = run(weights=[[("A", 1.0)], [], None], symbols=["A", "B"])
        assert result.holdings[1].tolist() == [0, 0]


class TestBadPrices:
    @pytest.mark.parametrize("value", [0.0, -1.0, math.inf, -math.inf, 1e-9])
    def test_the_cell_is_named(self, value):
        closes = CLOSES.copy()
        closes[1, 1] = value
        with pytest.raises(PriceError, match=rf"close={value} on 2024-01-03 for 'B' \(row 1, column 1\)") as caught:
            run(prices=closes, dates=DATES, symbols=["A", "B"])
        assert (caught.value.field, caught.value.value) == ("close", value)

    def test_a_price_below_a_unit_asks_for_a_finer_scale(self):
        with pytest.raises(PriceError, match="price_scale"):
            run(prices=CLOSES / 1e7)
        assert run(prices=CLOSES / 1e7, price_scale=10**9, cash=0.1).holdings[0, 0] > 0

    def test_opens_are_checked_where_they_are_used(self):
        panel = PricePanel(dates=DATES, symbols=("A", "B"), close=CLOSES, open=CLOSES.copy())
        panel.open[1, 0] = -3.0
        with pytest.raises(PriceError, match=r"open=-3.0 on 2024-01-03 for 'A'"):
            run(prices=panel, fill="next_open")

    def test_duplicate_dates(self):
        with pytest.raises(ValidationError, match=r"dates\[1\]=2024-01-02 repeats dates\[0\]"):
            run(dates=["2024-01-02", "2024-01-02", "2024-01-03"])

    def test_unsorted_dates(self):
        with pytest.raises(ValidationError, match=r"comes before.*Sort the sessions"):
            run(dates=DATES[::-1])
        frame = pl.DataFrame({"date": DAYS[::-1], "A": CLOSES[:, 0], "B": CLOSES[:, 1]})
        with pytest.raises(ValidationError, match="comes before"):
            run(prices=frame)

    def test_a_cell_twice_in_a_long_frame(self):
        frame = pl.DataFrame({"date": [DAYS[0]] * 2, "symbol": ["A"] * 2, "close": [1.0, 2.0]})
        with pytest.raises(ValidationError, match="'A' on 2024-01-02 appears twice"):
            run(prices=frame)

    def test_a_symbol_twice(self):
        with pytest.raises(ValidationError, match="symbol 'A' appears twice"):
            run(symbols=["A", "A"])

    def test_a_symbol_twice_in_a_row_of_pairs(self):
        with pytest.raises(ValidationError, match=r"prices\[1\]\[2\]: symbol 'A' appears twice in the row"):
            run(prices=[[("A", 1), ("B", 2)], [("A", 1), ("B", 2), ("A", 3)]], weights=[None, None])

    @pytest.mark.parametrize("cell", ["A", ("A",), ("A", "1"), (1, 2), ("A", 1, 2)])
    def test_something_that_is_no_pair(self, cell):
        with pytest.raises(ValidationError, match=r"prices\[1\]\[0\].*is not a \(symbol, number\) pair"):
            run(prices=[[("A", 1)], [cell]], weights=[None, None])

    def test_something_that_is_no_row(self):
        with pytest.raises(ShapeError, match=r"prices\[3\]=7 is not a list"):
            run(prices=[[("A", 1)], [], [], 7], weights=[None] * 4)

    def test_cents_mixed_with_currency(self):
        with pytest.raises(PriceError, match="mixes integers"):
            run(prices=[[("A", 100)], [("A", 1.5)]], weights=[None, None])

    def test_nothing_to_trade(self):
        for prices in (np.empty((0, 2)), np.empty((2, 0)), []):
            with pytest.raises(ShapeError):
                run(prices=prices, weights=prices)

    def test_words_are_not_prices(self):
        with pytest.raises(ShapeError, match="expected numbers"):
            run(prices=np.array([["a", "b"]]))

    def test_a_column_of_words_is_named(self):
        frame = pl.DataFrame({"date": DAYS, "A": CLOSES[:, 0], "B": ["19", "20", "21"]})
        with pytest.raises(PriceError, match="prices: column 'B' holds String, not numbers"):
            run(prices=frame)


class TestBadWeights:
    def test_a_column_of_words_is_named(self):
        frame = pl.DataFrame({"date": DAYS[:1], "symbol": ["A"], "w": [1.0]})
        with pytest.raises(WeightsError, match="weights: column 'symbol' holds String"):
            run(frame, dates=DATES, symbols=["A", "B"])

    def test_unsorted_dates_are_named(self):
        frame = pl.DataFrame({"date": [DAYS[2], DAYS[0]], "A": [1.0, 0.0], "B": [0.0, 1.0]})
        with pytest.raises(ValidationError, match=r"dates\[1\]=2024-01-02 comes before dates\[0\]=2024-01-05"):
            run(frame, dates=DATES, symbols=["A", "B"])

    def test_infinite_weight(self):
        weights = WEIGHTS.copy()
        weights[2, 1] = math.inf
        with pytest.raises(WeightsError, match=r"weights=inf on 2024-01-05 for 'B' \(row 2, column 1\).*HOLD"):
            run(weights=weights, dates=DATES, symbols=["A", "B"])

    @pytest.mark.parametrize("fill", ["same_close", "next_close"])
    @pytest.mark.parametrize("row", [0, 1, 2])
    def test_absurd_gross_names_the_row_and_the_sum(self, fill, row):
        weights = np.full((3, 2), HOLD)
        weights[row] = [50.0, -50.0]
        with pytest.raises(WeightsError, match=rf"{DATES[row]} \(row {row}\).*sum to 100.*max_gross=10.*not percent"):
            run(weights=weights, dates=DATES, fill=fill)

    def test_gross_in_decision_rows_names_its_row(self):
        with pytest.raises(WeightsError, match=r"2024-01-05 \(row 1\)"):
            run(weights=[[0.5, 0.5], [70, 30]], rebalance=[0, 2], dates=DATES)

    def test_more_gross_by_option(self):
        assert run(weights=[[20.0, 0.0], [HOLD] * 2, [HOLD] * 2], max_gross=20).holdings[0, 0] == 2000

    def test_wrong_number_of_columns(self):
        with pytest.raises(ShapeError, match="one column for each of the 2 symbols"):
            run(weights=np.ones((3, 3)))

    def test_wrong_number_of_rows(self):
        with pytest.raises(ShapeError, match=r"weights has 2 rows, but there are 3 sessions.*rebalance="):
            run(weights=WEIGHTS[:2])

    def test_unknown_symbol_in_pairs(self):
        with pytest.raises(WeightsError, match=r"weights\[1\]\[0\]: symbol 'AAPLE' has no prices.*'AAPL'"):
            run(prices=[[("AAPL", 1)]] * 2, weights=[None, [("AAPLE", 1.0)]])

    def test_unknown_symbol_in_a_frame(self):
        with pytest.raises(WeightsError, match="symbol 'Z' has no prices"):
            run(weights=pl.DataFrame({"date": DAYS, "Z": [1.0] * 3}), dates=DATES)

    def test_a_date_that_is_no_session(self):
        frame = pl.DataFrame({"date": [dt.date(2024, 1, 4)], "A": [1.0]})
        with pytest.raises(WeightsError, match=r"2024-01-04 is not a session.*before it is 2024-01-03"):
            run(weights=frame, dates=DATES, symbols=["A", "B"])

    @pytest.mark.parametrize("rebalance", [[0, 0], [2, 0], [0, 3], [-1, 0]])
    def test_sessions_of_decisions_increase(self, rebalance):
        with pytest.raises(ValidationError, match=r"rebalance\[\d\]"):
            run(weights=WEIGHTS[:2], rebalance=rebalance)

    def test_sessions_and_rows_must_match(self):
        with pytest.raises(ShapeError, match="rebalance has shape"):
            run(weights=WEIGHTS[:2], rebalance=[0])


class TestBadOptions:
    @pytest.mark.parametrize("name", ["costs", "stops"])
    def test_a_dict_is_no_model(self, name):
        with pytest.raises(ValidationError, match=rf"{name}=.* must be a (CostModel|Stops). Write {name}="):
            run(**{name: {"commission_bps": 1.0}})

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"cash": 0}, "cash=0 must be a positive amount"),
            ({"cash": -5.0}, "cash=-5.0"),
            ({"cash": math.nan}, "cash=nan"),
            ({"fill": "open"}, "fill='open' is unknown.*same_close"),
            ({"quantity": "lots"}, "quantity='lots'"),
            ({"missing_price": "zero"}, "missing_price='zero'"),
            ({"cost_rounding": "up"}, "cost_rounding='up'"),
            ({"rounding": "up"}, "rounding='up'"),
            ({"cash_buffer": 1.0}, r"cash_buffer=1.0 must lie in \[0, 1\)"),
            ({"no_trade_band": -0.1}, "no_trade_band=-0.1"),
            ({"max_turnover": math.nan}, "max_turnover=nan"),
            ({"max_participation": -1}, "max_participation=-1"),
            ({"adv_window": 0}, "adv_window=0"),
            ({"impact_window": 1}, "impact_window=1"),
            ({"lot_size": 1.5}, "lot_size=1.5"),
            ({"price_scale": 0}, "price_scale=0"),
            ({"quantity": "fractional", "quantity_scale": 0}, "quantity_scale=0"),
            ({"max_gross": math.inf}, "max_gross=inf"),
            ({"periods_per_year": 0}, "periods_per_year=0"),
            ({"costs": CostModel(commission_bps=20_000)}, r"costs.commission_bps=20000.*\[0, 10000\]"),
            ({"delisting_return": -1.5}, "delisting_return=-1.5 for 'S0'"),
            ({"delisting_return": {"Q": 0.0}}, "delisting_return names 'Q'"),
        ],
    )
    def test_one_error_that_names_the_option(self, options, message):
        with pytest.raises(ValidationError, match=message):
            run(**options)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"fill": "next_open"}, 'needs open prices.*fill="next_close"'),
            ({"fill": "vwap_proxy"}, "needs open prices"),
            ({"max_participation": 0.1}, "needs volume"),
            ({"costs": CostModel(impact_coef=1.0)}, "needs volume"),
            ({"stops": Stops(fixed_pct=0.1, check="intrabar")}, "needs open"),
        ],
    )
    def test_columns_that_prices_lack(self, options, message):
        with pytest.raises(ShapeError, match=message):
            run(**options)

    def test_too_much_cash(self):
        with pytest.raises(QuantityError, match="Lower price_scale"):
            run(cash=1e18)


class TestLazyFrames:
    def test_are_collected(self):
        closes = pl.LazyFrame({"date": DAYS, "A": CLOSES[:, 0], "B": CLOSES[:, 1]})
        assert same(run(pl.LazyFrame({"date": [DAYS[0], DAYS[2]], "B": [0.5, 0.0], "A": [0.5, 1.0]}), closes))


class TestPandasFrames:
    def test_columns_and_dates_are_matched_by_name(self):
        pandas = pytest.importorskip("pandas")
        index = pandas.DatetimeIndex(DATES, name="day")
        closes = pandas.DataFrame(CLOSES, index=index, columns=["A", "B"])
        weights = pandas.DataFrame(WEIGHTS, index=index, columns=["A", "B"])[["B", "A"]]
        result = run(weights, closes)
        assert same(result)
        assert (result.symbols, result.dates.tolist()) == (("A", "B"), DATES.tolist())

    def test_a_repeated_column(self):
        pandas = pytest.importorskip("pandas")
        closes = pandas.DataFrame(CLOSES, index=pandas.DatetimeIndex(DATES), columns=["A"] * CLOSES.shape[1])
        with pytest.raises(ValidationError, match="column 'A' appears twice"):
            run(WEIGHTS, closes)

    def test_without_dates(self):
        pandas = pytest.importorskip("pandas")
        with pytest.raises(ShapeError, match="0 columns of dates"):
            run(WEIGHTS, pandas.DataFrame(CLOSES))

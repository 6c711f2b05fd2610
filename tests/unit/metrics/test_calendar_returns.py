import math

import numpy as np
import pandas as pd
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.calendar_returns import monthly_returns, period_returns, trailing_returns, yearly_returns
from reference.metrics_reference import grouped

SUMS_AGREE = 1e-12


def random_case(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 900))
    gaps = rng.choice([1, 1, 1, 1, 3, 40], n)
    return rng.normal(0.0, 0.01, n), np.datetime64("2015-11-20") + np.cumsum(gaps)


def as_series(returns, dates):
    return pd.Series(returns, index=pd.DatetimeIndex(dates))


class TestPeriodReturns:
    @pytest.mark.parametrize("seed", range(15))
    @pytest.mark.parametrize(("period", "months"), [("month", 1), ("quarter", 3), ("year", 12)])
    def test_agrees_with_the_reference(self, seed, period, months):
        returns, dates = random_case(seed)
        labels = [(day.year * 12 + day.month - 1) // months for day in dates.astype(object)]
        expected = grouped(returns.tolist(), labels)
        starts, values = period_returns(returns, dates, period)
        np.testing.assert_allclose(values, list(expected.values()), atol=SUMS_AGREE)
        assert [(d.year * 12 + d.month - 1) // months for d in starts.astype(object)] == list(expected)

    def test_before_1970(self):
        starts, _ = period_returns([0.1, 0.1], ["1969-12-31", "1970-01-02"], "year")
        assert [str(start) for start in starts] == ["1969-01", "1970-01"]

    def test_refuses_an_unknown_period(self):
        with pytest.raises(ValidationError, match="period='week'"):
            period_returns([0.1], ["2024-01-02"], "week")


class TestMonthlyReturns:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_quantstats(self, seed):
        import quantstats.stats as qs

        rng = np.random.default_rng(seed)
        dates = pd.bdate_range("2019-05-15", periods=600).to_numpy().astype("datetime64[D]")
        returns = rng.normal(0, 0.01, 600)
        theirs = qs.monthly_returns(as_series(returns, dates), eoy=False).to_numpy()
        years, table = monthly_returns(returns, dates)
        assert years.tolist() == [2019, 2020, 2021]
        # quantstats writes 0 where a month holds no session
        np.testing.assert_allclose(np.nan_to_num(table), theirs, atol=SUMS_AGREE)

    def test_a_year_without_sessions_is_a_row_of_nan(self):
        years, table = monthly_returns([0.1, 0.2], ["2020-03-02", "2022-03-02"])
        assert years.tolist() == [2020, 2021, 2022]
        assert np.isnan(table[1]).all()

    def test_refuses_dates_out_of_order(self):
        with pytest.raises(ValidationError, match=r"dates\[1\]=2024-01-01"):
            monthly_returns([0.1, 0.2], ["2024-01-02", "2024-01-01"])

    def test_refuses_another_length(self):
        with pytest.raises(ShapeError, match="dates"):
            monthly_returns([0.1, 0.2], ["2024-01-02"])


class TestYearlyReturns:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_empyrical(self, seed):
        import empyrical

        returns, dates = random_case(seed)
        theirs = empyrical.aggregate_returns(as_series(returns, dates), "yearly")
        years, values = yearly_returns(returns, dates)
        assert years.tolist() == theirs.index.tolist()
        np.testing.assert_allclose(values, theirs.to_numpy(), atol=SUMS_AGREE)


class TestTrailingReturns:
    def test_spans_begin_after_the_same_day(self):
        dates = np.arange("2018-01-01", "2024-06-01", dtype="datetime64[D]")
        returns = np.full(len(dates), 0.001)

        def days(first):  # from first to 2024-05-31, both counted
            return int((np.datetime64("2024-05-31") - np.datetime64(first)).astype(int)) + 1

        def total(first):
            return 1.001 ** days(first) - 1

        trailing = trailing_returns(returns, dates, periods_per_year=365)
        assert trailing.month_to_date == pytest.approx(total("2024-05-01"))
        assert trailing.year_to_date == pytest.approx(total("2024-01-01"))
        assert trailing.three_months == pytest.approx(total("2024-03-01"))  # 31 May less 3 months: end of February
        assert trailing.one_year == pytest.approx(total("2023-06-01"))
        assert trailing.three_years_annualised == pytest.approx(1.001**365 - 1)
        assert trailing.five_years_annualised == pytest.approx(1.001**365 - 1)

    def test_a_span_that_is_not_covered_is_none(self):
        dates = np.arange("2023-05-25", "2024-06-01", dtype="datetime64[D]")
        trailing = trailing_returns(np.zeros(len(dates)), dates)
        assert trailing.one_year == 0.0
        assert trailing.three_years_annualised is None
        assert trailing.five_years_annualised is None

    def test_one_session(self):
        trailing = trailing_returns([0.1], ["2024-01-02"])
        assert trailing.month_to_date == trailing.year_to_date == pytest.approx(0.1)
        assert trailing.three_months is None

    def test_refuses_nan(self):
        with pytest.raises(ValidationError, match=r"returns\[0\]"):
            trailing_returns([math.nan], ["2024-01-02"])

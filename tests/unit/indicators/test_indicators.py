import builtins
import math

import numpy as np
import polars as pl
import pytest

pytest.importorskip("talib")

from nanodesk.errors import MissingExtraError, ShapeError, ValidationError
from nanodesk.indicators.momentum import adx, cci, macd, momentum, roc, rsi, stochastic, williams_r
from nanodesk.indicators.overlap import bollinger, ema, sma, wma
from nanodesk.indicators.volatility import atr, natr, true_range
from nanodesk.indicators.volume import accumulation_distribution, mfi, obv

RNG = np.random.default_rng(12)
CLOSE = 100 * np.exp(np.cumsum(RNG.normal(0, 0.01, 120)))
HIGH = CLOSE * (1 + RNG.uniform(0, 0.01, 120))
LOW = CLOSE * (1 - RNG.uniform(0, 0.01, 120))
VOLUME = RNG.uniform(1e5, 1e6, 120)

CALLS = {
    "sma": lambda c, **k: sma(c, **k),
    "ema": lambda c, **k: ema(c, **k),
    "wma": lambda c, **k: wma(c, **k),
    "rsi": lambda c, **k: rsi(c, **k),
    "roc": lambda c, **k: roc(c, **k),
    "momentum": lambda c, **k: momentum(c, **k),
    "bollinger": lambda c, **k: bollinger(c, **k).upper,
    "atr": lambda c, **k: atr(c * 1.01, c * 0.99, c, **k),
    "natr": lambda c, **k: natr(c * 1.01, c * 0.99, c, **k),
    "adx": lambda c, **k: adx(c * 1.01, c * 0.99, c, **k),
    "cci": lambda c, **k: cci(c * 1.01, c * 0.99, c, **k),
    "williams_r": lambda c, **k: williams_r(c * 1.01, c * 0.99, c, **k),
    "mfi": lambda c, **k: mfi(c * 1.01, c * 0.99, c, c * 1000, **k),
    "stochastic": lambda c, **k: stochastic(c * 1.01, c * 0.99, c, **k).k,
}


def rolling(values, period, function):
    return [math.nan if i < period - 1 else function(values[i - period + 1 : i + 1]) for i in range(len(values))]


def recent(values, period, function):
    return np.array(rolling(values, period, function))


def smoothed(values, first, period):
    """Wilder's average: the mean of ``period`` values, then ``(old * (period - 1) + new) / period``."""
    out = [math.nan] * len(values)
    out[first + period - 1] = float(np.mean(values[first : first + period]))
    for i in range(first + period, len(values)):
        out[i] = (out[i - 1] * (period - 1) + values[i]) / period
    return np.array(out)


def same(ours, theirs, tolerance=1e-9):
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert (np.isnan(ours) == np.isnan(theirs)).all()
    assert np.nanmax(np.abs(ours - theirs)) < tolerance


class TestOverlap:
    def test_sma(self):
        same(sma(CLOSE, period=10), rolling(CLOSE, 10, np.mean))

    def test_wma(self):
        weights = np.arange(1, 11) / 55
        same(wma(CLOSE, period=10), rolling(CLOSE, 10, lambda window: weights @ window))

    def test_ema(self):
        expected = [math.nan] * 120
        expected[9] = CLOSE[:10].mean()
        for i in range(10, 120):
            expected[i] = expected[i - 1] + 2 / 11 * (CLOSE[i] - expected[i - 1])
        same(ema(CLOSE, period=10), expected)

    def test_bollinger(self):
        bands = bollinger(CLOSE, period=20, deviations_up=2.0, deviations_down=1.0)
        middle, deviation = np.array(rolling(CLOSE, 20, np.mean)), np.array(rolling(CLOSE, 20, np.std))
        same(bands.middle, middle)
        same(bands.upper, middle + 2 * deviation, 1e-7)
        same(bands.lower, middle - deviation, 1e-7)

    @pytest.mark.parametrize("width", [-1.0, np.inf, True])
    def test_bollinger_refuses_width(self, width):
        with pytest.raises(ValidationError, match="deviations_up"):
            bollinger(CLOSE, deviations_up=width)


class TestMomentum:
    def test_rsi(self):
        change = np.diff(CLOSE, prepend=np.nan)
        gain, loss = smoothed(np.maximum(change, 0), 1, 14), smoothed(np.maximum(-change, 0), 1, 14)
        same(rsi(CLOSE), 100 * gain / (gain + loss))

    def test_rsi_limits(self):
        assert rsi(np.full(30, 5.0))[-1] == 0.0
        assert rsi(np.arange(1.0, 31.0))[-1] == 100.0

    def test_macd_starts_where_all_three_exist(self):
        line, signal, histogram = macd(CLOSE)
        assert np.flatnonzero(~np.isnan(line))[0] == np.flatnonzero(~np.isnan(signal))[0] == 26 + 9 - 2
        same(histogram, line - signal)

    @pytest.mark.parametrize("keywords", [{"fast": 26, "slow": 12}, {"fast": 12, "slow": 12}, {"signal": 0}])
    def test_macd_refuses(self, keywords):
        with pytest.raises(ValidationError):
            macd(CLOSE, **keywords)

    def test_stochastic(self):
        top, bottom = recent(HIGH, 14, np.max), recent(LOW, 14, np.min)
        place = 100 * (CLOSE - bottom) / (top - bottom)
        k = rolling(place, 3, np.mean)
        d = rolling(k, 3, np.mean)
        ours = stochastic(HIGH, LOW, CLOSE)
        same(ours.d, d)
        same(ours.k[17:], k[17:])

    def test_williams_r(self):
        top, bottom = recent(HIGH, 14, np.max), recent(LOW, 14, np.min)
        same(williams_r(HIGH, LOW, CLOSE), -100 * (top - CLOSE) / (top - bottom))

    def test_cci(self):
        typical = (HIGH + LOW + CLOSE) / 3
        expected = rolling(typical, 14, lambda w: (w[-1] - w.mean()) / (0.015 * np.abs(w - w.mean()).mean()))
        same(cci(HIGH, LOW, CLOSE), expected, 1e-6)

    def test_adx_is_between_zero_and_hundred(self):
        values = adx(HIGH, LOW, CLOSE)
        assert np.flatnonzero(~np.isnan(values))[0] == 27
        assert 0 <= np.nanmin(values) <= np.nanmax(values) <= 100

    def test_roc_and_momentum(self):
        same(roc(CLOSE, period=5), np.append([np.nan] * 5, (CLOSE[5:] / CLOSE[:-5] - 1) * 100))
        same(momentum(CLOSE, period=5), np.append([np.nan] * 5, CLOSE[5:] - CLOSE[:-5]))


class TestVolatility:
    def test_true_range_and_atr(self):
        before = np.append(np.nan, CLOSE[:-1])
        expected = np.maximum(HIGH - LOW, np.maximum(np.abs(HIGH - before), np.abs(LOW - before)))
        same(true_range(HIGH, LOW, CLOSE), expected)
        same(atr(HIGH, LOW, CLOSE), smoothed(expected, 1, 14))
        same(natr(HIGH, LOW, CLOSE), smoothed(expected, 1, 14) / CLOSE * 100)


class TestVolume:
    def test_obv(self):
        expected = np.cumsum(np.append(VOLUME[0], np.sign(np.diff(CLOSE)) * VOLUME[1:]))
        same(obv(CLOSE, VOLUME), expected, 1e-6)

    def test_mfi(self):
        typical = (HIGH + LOW + CLOSE) / 3
        flow, change = typical * VOLUME, np.diff(typical, prepend=np.nan)
        expected = 100 * recent(np.where(change > 0, flow, 0.0), 14, np.sum) / recent(flow, 14, np.sum)
        expected[13] = math.nan  # its first bar has no change
        same(mfi(HIGH, LOW, CLOSE, VOLUME), expected, 1e-6)

    def test_accumulation_distribution(self):
        expected = np.cumsum(((CLOSE - LOW) - (HIGH - CLOSE)) / (HIGH - LOW) * VOLUME)
        same(accumulation_distribution(HIGH, LOW, CLOSE, VOLUME), expected, 1e-5)


class TestInputs:
    @pytest.mark.parametrize("name", CALLS)
    def test_lists_and_polars_series_equal_arrays(self, name):
        expected = CALLS[name](CLOSE)
        assert CALLS[name](CLOSE).dtype == np.float64
        assert len(expected) == 120
        if name in ("sma", "ema", "wma", "rsi", "roc", "momentum", "bollinger"):
            for other in (CLOSE.tolist(), pl.Series(CLOSE), CLOSE.astype(np.longdouble), CLOSE[::-1][::-1]):
                assert np.array_equal(CALLS[name](other), expected, equal_nan=True)

    @pytest.mark.parametrize("name", CALLS)
    def test_looks_at_nothing_later(self, name):
        changed = CLOSE.copy()
        changed[80:] = 1.0
        assert CALLS[name](CLOSE)[:80].tobytes() == CALLS[name](changed)[:80].tobytes()

    @pytest.mark.parametrize("name", CALLS)
    @pytest.mark.parametrize("period", [0, -3, 2.5, True, 200_000])
    def test_refuses_a_wrong_period(self, name, period):
        with pytest.raises(ValidationError, match="period="):
            CALLS[name](CLOSE, period=period)

    @pytest.mark.parametrize("name", CALLS)
    def test_too_few_bars_give_nan(self, name):
        assert np.isnan(CALLS[name](CLOSE[:4], period=60)).all()

    def test_nulls_become_nan_and_leading_ones_are_skipped(self):
        values = pl.Series([None, None, 1.0, 2.0, 3.0])
        assert np.array_equal(sma(values, period=2), [np.nan, np.nan, np.nan, 1.5, 2.5], equal_nan=True)

    def test_integers(self):
        assert sma([1, 2, 3], period=2).tolist()[1:] == [1.5, 2.5]

    def test_refuses_other_shapes(self):
        with pytest.raises(ShapeError, match="shapes"):
            atr(HIGH, LOW[:-1], CLOSE)
        with pytest.raises(ShapeError):
            sma([])
        with pytest.raises(ShapeError):
            sma(np.zeros((3, 3)))
        with pytest.raises(ValidationError, match="does not hold numbers"):
            sma(["a", "b"])

    def test_missing_extra_names_the_fix(self, monkeypatch):
        genuine = builtins.__import__

        def without(name, *arguments, **keywords):
            if name == "talib":
                raise ImportError(name)
            return genuine(name, *arguments, **keywords)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(MissingExtraError, match=r"pip install nanodesk\[ta\]"):
            sma(CLOSE)

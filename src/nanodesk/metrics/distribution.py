"""Shape and tails of the distribution of returns."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.metrics.performance import TAIL_FRAC, tail_mean
from nanodesk.metrics.series import checked_series, deviation


def skewness(returns: ArrayLike, *, bias_corrected: bool = True) -> float:
    """Asymmetry of the distribution; negative where the left tail is longer.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    bias_corrected : bool, default True
        ``G1 = g1 * sqrt(n (n - 1)) / (n - 2)``, as pandas and spreadsheets print it; otherwise
        ``g1 = m3 / m2 ** 1.5`` of the central moments.

    Returns
    -------
    skewness : float
        0 for constant returns, ``nan`` for fewer than 3 returns where bias is corrected.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    References
    ----------
    Joanes, Gill (1998), "Comparing measures of sample skewness and kurtosis", The Statistician 47(1).

    Examples
    --------
    >>> round(skewness([0.0, 0.0, 0.0, 0.1]), 6)
    2.0
    """
    series = checked_series(returns)
    n = len(series)
    if bias_corrected and n < 3:
        return math.nan
    plain = _standardised_moment(series, 3) if deviation(series) else 0.0
    return plain * math.sqrt(n * (n - 1)) / (n - 2) if bias_corrected else plain


def excess_kurtosis(returns: ArrayLike, *, bias_corrected: bool = True) -> float:
    """Weight of the tails beyond that of a normal distribution, which has 0.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    bias_corrected : bool, default True
        ``G2 = ((n + 1) g2 + 6) (n - 1) / ((n - 2) (n - 3))``, as pandas and spreadsheets print it; otherwise
        ``g2 = m4 / m2 ** 2 - 3`` of the central moments.

    Returns
    -------
    kurtosis : float
        0 for constant returns, ``nan`` for fewer than 4 returns where bias is corrected.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    References
    ----------
    Joanes, Gill (1998), "Comparing measures of sample skewness and kurtosis", The Statistician 47(1).

    Examples
    --------
    >>> round(excess_kurtosis([0.0, 0.0, 0.0, 0.1]), 6)
    4.0
    """
    series = checked_series(returns)
    n = len(series)
    if bias_corrected and n < 4:
        return math.nan
    if not deviation(series):
        return 0.0
    plain = _standardised_moment(series, 4) - 3.0
    return ((n + 1) * plain + 6.0) * (n - 1) / ((n - 2) * (n - 3)) if bias_corrected else plain


def value_at_risk(returns: ArrayLike, *, tail_frac: float = TAIL_FRAC) -> float:
    """Historic VaR: the return that the worst ``tail_frac`` of sessions fell below.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    tail_frac : float, default 0.05
        Fraction, not percent: share of the sessions in the tail, above 0 and below 1.

    Returns
    -------
    var : float
        Signed, usually negative: the ``tail_frac`` quantile, interpolated linearly.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite, or ``tail_frac`` is not between 0 and 1.

    Examples
    --------
    >>> value_at_risk([-0.04, -0.02, 0.0, 0.02, 0.04], tail_frac=0.25)
    -0.02
    """
    return float(np.quantile(checked_series(returns), _checked_tail(tail_frac)))


def cornish_fisher_var(returns: ArrayLike, *, tail_frac: float = TAIL_FRAC) -> float:
    """VaR of a normal distribution bent to the skewness and kurtosis of the returns.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    tail_frac : float, default 0.05
        Fraction, not percent: share of the sessions in the tail, above 0 and below 1.

    Returns
    -------
    var : float
        Signed; ``nan`` for fewer than 4 returns.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite, or ``tail_frac`` is not between 0 and 1.

    Notes
    -----
    ``mean + std * (z + (z^2 - 1) S / 6 + (z^3 - 3 z) K / 24 - (2 z^3 - 5 z) S^2 / 36)`` with the bias-corrected
    skewness ``S`` and excess kurtosis ``K`` and the ddof 1 deviation, so that the printed numbers reproduce it.
    The expansion is monotonic only for moderate ``S`` and ``K``; far out it is not a quantile.

    References
    ----------
    Cornish, Fisher (1938), Revue de l'Institut International de Statistique 5(4);
    Favre, Galeano (2002), "Mean-Modified Value-at-Risk Optimization with Hedge Funds", J. Alternative Investments.

    Examples
    --------
    >>> round(cornish_fisher_var([-0.02, -0.01, 0.0, 0.01, 0.02]), 5)
    -0.02639
    """
    series = checked_series(returns)
    z = NormalDist().inv_cdf(_checked_tail(tail_frac))
    s, k = skewness(series), excess_kurtosis(series)
    bent = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
    return float(series.mean()) + deviation(series) * bent


def conditional_value_at_risk(returns: ArrayLike, *, tail_frac: float = TAIL_FRAC) -> float:
    """CVaR: mean of the worst ``ceil(tail_frac * n)`` returns.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    tail_frac : float, default 0.05
        Fraction, not percent: share of the sessions in the tail, above 0 and below 1.

    Returns
    -------
    cvar : float
        Signed, usually negative.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite, or ``tail_frac`` is not between 0 and 1.

    References
    ----------
    Rockafellar, Uryasev (2000), "Optimization of Conditional Value-at-Risk", J. Risk 2(3).

    Examples
    --------
    >>> conditional_value_at_risk([-0.25, -0.75, 0.0, 0.5], tail_frac=0.5)
    -0.5
    """
    return tail_mean(checked_series(returns), tail_frac=_checked_tail(tail_frac))


def tail_ratio(returns: ArrayLike, *, tail_frac: float = TAIL_FRAC) -> float:
    """Size of the right tail over that of the left.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    tail_frac : float, default 0.05
        Fraction, not percent: where the tails begin, above 0 and below 1.

    Returns
    -------
    ratio : float
        ``|q(1 - tail_frac)| / |q(tail_frac)|``; ``nan`` where the lower quantile is 0.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite, or ``tail_frac`` is not between 0 and 1.

    Examples
    --------
    >>> tail_ratio([-0.1, 0.0, 0.2], tail_frac=0.25)
    2.0
    """
    share = _checked_tail(tail_frac)
    low, high = np.quantile(checked_series(returns), [share, 1.0 - share])
    return float(abs(high) / abs(low)) if low else math.nan


def _standardised_moment(series: FloatArray, order: int) -> float:
    centred = series - series.mean()
    # Scaled first: the fourth power of a small deviation would underflow.
    scaled = centred / math.sqrt(float(np.mean(centred**2)))
    return float(np.mean(scaled**order))


def _checked_tail(tail_frac: float) -> float:
    if not 0.0 < tail_frac < 1.0:
        raise ValidationError(
            f"tail_frac={tail_frac} must lie between 0 and 1.",
            field="tail_frac",
            value=tail_frac,
            allowed="0 < tail_frac < 1",
            fix="0.05 is five per cent.",
        )
    return tail_frac

"""Whether a Sharpe ratio is more than luck: its error, its probability, and what searching for it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from numpy.typing import ArrayLike

from nanodesk.errors import ValidationError
from nanodesk.market.ranges import whole_number
from nanodesk.metrics.distribution import excess_kurtosis, skewness
from nanodesk.metrics.newey_west import long_run_variance, newey_west_lags
from nanodesk.metrics.performance import sharpe_ratio
from nanodesk.metrics.series import deviation, excess_returns

_NORMAL = NormalDist()
_EULER_GAMMA = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class SharpeEstimate:
    """A Sharpe ratio with what its error depends on, all per period.

    Parameters
    ----------
    sharpe : float
        Mean over deviation of excess returns, per period: not annualised.
    n : int
        Number of returns it was measured on; the length of the sample, never the number of trials.
    skewness : float, default 0
        Third standardised moment of the returns.
    kurtosis : float, default 3
        Fourth standardised moment, 3 for a normal distribution: not the excess.

    Examples
    --------
    >>> estimate = SharpeEstimate(sharpe=0.458, n=24, skewness=-2.448, kurtosis=10.164)
    >>> round(estimate.probability_above(0.0), 3)
    0.913
    """

    sharpe: float
    n: int
    skewness: float = 0.0
    kurtosis: float = 3.0

    @property
    def standard_error(self) -> float:
        """``sqrt((1 - S SR + (K - 1) / 4 SR^2) / (n - 1))`` (Mertens 2002); ``inf`` for one return."""
        return math.sqrt(self._spread / (self.n - 1)) if self.n > 1 else math.inf

    def probability_above(self, benchmark_sharpe: float) -> float:
        """Probability that the true Sharpe ratio exceeds a benchmark.

        Parameters
        ----------
        benchmark_sharpe : float
            Sharpe ratio per period.

        Returns
        -------
        probability : float
            ``Phi((SR - SR*) / standard_error)`` (Bailey & Lopez de Prado 2012).
        """
        gap, error = self.sharpe - benchmark_sharpe, self.standard_error
        if error == 0.0:
            return 0.5 if gap == 0.0 else float(gap > 0.0)
        return _NORMAL.cdf(gap / error)

    def minimum_length(self, benchmark_sharpe: float, confidence: float) -> float:
        """Length of sample at which the probability would reach ``confidence``.

        Parameters
        ----------
        benchmark_sharpe : float
            Sharpe ratio per period.
        confidence : float
            Above 0 and below 1.

        Returns
        -------
        periods : float
            ``1 + (1 - S SR + (K - 1) / 4 SR^2) (z / (SR - SR*))^2``; ``inf`` where the estimate does not exceed
            the benchmark.
        """
        gap = self.sharpe - benchmark_sharpe
        if gap <= 0.0:
            return math.inf
        return 1.0 + self._spread * (_NORMAL.inv_cdf(confidence) / gap) ** 2

    @property
    def _spread(self) -> float:
        # Population moments obey K >= 1 + S^2, which keeps this positive; bias-corrected ones may not.
        return max(0.0, 1.0 - self.skewness * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2)


def estimate_sharpe(returns: ArrayLike, *, risk_free: ArrayLike = 0.0) -> SharpeEstimate:
    """Sharpe ratio per period with length, skewness and kurtosis of its sample.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period.

    Returns
    -------
    estimate : SharpeEstimate
        With population moments, as the formulas of Bailey and Lopez de Prado take them.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite.

    Examples
    --------
    >>> estimate_sharpe([0.01, 0.03]).n
    2
    """
    excess = excess_returns(returns, risk_free)
    return SharpeEstimate(
        sharpe=sharpe_ratio(excess),
        n=len(excess),
        skewness=skewness(excess, bias_corrected=False),
        kurtosis=excess_kurtosis(excess, bias_corrected=False) + 3.0,
    )


def mean_t(returns: ArrayLike, *, risk_free: ArrayLike = 0.0) -> float:
    """Student's t of the mean excess return against zero.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period.

    Returns
    -------
    t : float
        ``mean(x) / (std(x, ddof=1) / sqrt(n))``; 0 if all returns are equal.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite.

    Examples
    --------
    >>> round(mean_t([0.01, 0.02, 0.03]), 4)
    3.4641
    """
    excess = excess_returns(returns, risk_free)
    return sharpe_ratio(excess) * math.sqrt(len(excess))


def sharpe_standard_error(returns: ArrayLike, *, risk_free: ArrayLike = 0.0, lags: int | None = None) -> float:
    """Standard error of the Sharpe ratio per period, corrected for autocorrelation and fat tails.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period.
    lags : int, optional
        Autocorrelations counted; by default ``newey_west_lags(n)``. With 0 it is the error for independent
        returns of any distribution (Mertens 2002).

    Returns
    -------
    error : float
        Per period; times ``sqrt(periods_per_year)`` it belongs to the annualised ratio. ``nan`` where the returns
        do not vary.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite, or ``lags`` is not from 0 to ``n - 1``.

    Notes
    -----
    The delta method with a Newey-West variance: ``sqrt(V / n)``, where ``V`` is the long-run variance of
    ``z - SR / 2 (z^2 - 1)`` with ``z`` the standardised excess returns. That series is the gradient of the ratio
    applied to Lo's moment conditions.

    References
    ----------
    Lo (2002), "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4).

    Examples
    --------
    >>> round(sharpe_standard_error([0.01, -0.01, 0.02, 0.0], lags=0), 4)
    0.5079
    """
    excess = excess_returns(returns, risk_free)
    n = len(excess)
    count = newey_west_lags(n) if lags is None else whole_number("lags", lags, low=0, high=n - 1)
    if not deviation(excess):
        return math.nan
    spread = float(excess.std())
    z = (excess - excess.mean()) / spread
    influence = z - float(excess.mean()) / spread / 2.0 * (z**2 - 1.0)
    return math.sqrt(long_run_variance(influence, count) / n)


def probabilistic_sharpe(returns: ArrayLike, *, benchmark_sharpe: float = 0.0, risk_free: ArrayLike = 0.0) -> float:
    """Probability that the true Sharpe ratio exceeds a benchmark, given length, skewness and kurtosis.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    benchmark_sharpe : float, default 0
        Per period: an annual ratio divided by ``sqrt(periods_per_year)``.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period.

    Returns
    -------
    probability : float
        From 0 to 1; ``nan`` where the returns do not vary or there is one.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite.

    References
    ----------
    Bailey, Lopez de Prado (2012), "The Sharpe Ratio Efficient Frontier", J. Risk 15(2).

    Examples
    --------
    >>> round(probabilistic_sharpe([0.01, -0.01, 0.02, 0.0]), 3)
    0.746
    """
    excess = excess_returns(returns, risk_free)
    return estimate_sharpe(excess).probability_above(benchmark_sharpe) if deviation(excess) else math.nan


def expected_maximum_sharpe(n_trials: int, sharpe_variance: float) -> float:
    """Sharpe ratio that the best of many strategies without skill is expected to show.

    Parameters
    ----------
    n_trials : int
        Independent trials, at least 1.
    sharpe_variance : float
        Variance of the Sharpe ratios across trials, per period.

    Returns
    -------
    sharpe : float
        ``sqrt(V) ((1 - g) Phi^-1(1 - 1 / N) + g Phi^-1(1 - 1 / (N e)))`` with Euler's ``g``; 0 for one trial.

    Raises
    ------
    ValidationError
        If ``n_trials`` is below 1, or the variance negative or not finite.

    References
    ----------
    Bailey, Lopez de Prado (2014), "The Deflated Sharpe Ratio", J. Portfolio Management 40(5).

    Examples
    --------
    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    whole_number("n_trials", n_trials, low=1, fix="Count every variant that was tried.")
    if not 0.0 <= sharpe_variance < math.inf:
        raise ValidationError(
            f"sharpe_variance={sharpe_variance} must be finite and not negative.",
            field="sharpe_variance",
            value=sharpe_variance,
            allowed=">= 0",
        )
    if n_trials == 1:
        return 0.0
    best = _NORMAL.inv_cdf(1.0 - 1.0 / n_trials)
    beyond = _NORMAL.inv_cdf(1.0 - 1.0 / (n_trials * math.e))
    return math.sqrt(sharpe_variance) * ((1.0 - _EULER_GAMMA) * best + _EULER_GAMMA * beyond)


def deflated_sharpe(
    returns: ArrayLike, *, n_trials: int, sharpe_variance: float | None = None, risk_free: ArrayLike = 0.0
) -> float:
    """Probability that the Sharpe ratio beats the best that luck gives in so many trials.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns of the strategy that was picked, as fractions.
    n_trials : int
        Every variant that was tried, picked or not; of correlated ones the effective number.
    sharpe_variance : float, optional
        Variance of the trials' Sharpe ratios, per period. By default ``1 / (n - 1)``: what sampling alone gives
        trials without skill.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period.

    Returns
    -------
    probability : float
        From 0 to 1; ``nan`` where the returns do not vary or there is one. With one trial it equals
        ``probabilistic_sharpe``.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite, ``n_trials`` is below 1 or the variance negative.

    Notes
    -----
    The sample length is the number of returns; the number of trials only raises the bar.

    References
    ----------
    Bailey, Lopez de Prado (2014), "The Deflated Sharpe Ratio", J. Portfolio Management 40(5).

    Examples
    --------
    >>> returns = [0.02, -0.01, 0.03, 0.01, 0.0, 0.02]
    >>> deflated_sharpe(returns, n_trials=1) == probabilistic_sharpe(returns)
    True
    >>> deflated_sharpe(returns, n_trials=50) < deflated_sharpe(returns, n_trials=5)
    True
    """
    excess = excess_returns(returns, risk_free)
    variance = 1.0 / max(len(excess) - 1, 1) if sharpe_variance is None else sharpe_variance
    return probabilistic_sharpe(excess, benchmark_sharpe=expected_maximum_sharpe(n_trials, variance))


def minimum_track_record(
    returns: ArrayLike, *, benchmark_sharpe: float = 0.0, confidence: float = 0.95, risk_free: ArrayLike = 0.0
) -> float:
    """Sessions needed until the probabilistic Sharpe ratio reaches ``confidence``.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    benchmark_sharpe : float, default 0
        Sharpe ratio per period to beat.
    confidence : float, default 0.95
        Above 0 and below 1.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period.

    Returns
    -------
    sessions : float
        Compare it with ``len(returns)``; ``inf`` where the measured ratio does not exceed the benchmark.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite, or ``confidence`` is not between 0 and 1.

    References
    ----------
    Bailey, Lopez de Prado (2012), "The Sharpe Ratio Efficient Frontier", J. Risk 15(2).

    Examples
    --------
    >>> round(minimum_track_record([0.02, -0.01, 0.03, 0.01, 0.0, 0.02]), 1)
    6.9
    """
    if not 0.0 < confidence < 1.0:
        raise ValidationError(
            f"confidence={confidence} must lie between 0 and 1.",
            field="confidence",
            value=confidence,
            allowed="0 < confidence < 1",
        )
    return estimate_sharpe(returns, risk_free=risk_free).minimum_length(benchmark_sharpe, confidence)

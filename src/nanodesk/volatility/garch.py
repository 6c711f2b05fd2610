"""GARCH models fitted by maximum likelihood (package ``arch``, extra ``stats``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import MissingExtraError, NotConvergedError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.ranges import one_of, whole_number
from nanodesk.volatility.inputs import return_series

Mean = Literal["zero", "constant"]
Distribution = Literal["normal", "t", "skewt"]

FEWEST_RETURNS = 50
"""Below this the likelihood is too flat to fit four parameters."""
SCALE = 100.0
"""Returns in percent: the optimiser of ``arch`` is tuned to values near one."""


@dataclass(frozen=True, slots=True)
class GarchFit:
    """A fitted GARCH model and what it expects.

    Parameters
    ----------
    omega : float
        Constant of the variance recursion, in squared return units.
    alpha, gamma, beta : tuple of float
        Weights of squared shocks, of squared negative shocks, and of past variances.
    mean : float
        Mean return per period; 0 for a zero-mean model.
    log_likelihood : float
        Of the returns as fractions.
    volatility : ndarray of float64, shape (n_sessions,)
        Conditional volatility of every period of the sample.
    forecast : ndarray of float64, shape (horizon,)
        Volatility expected for each of the periods to come.
    """

    omega: float
    alpha: tuple[float, ...]
    gamma: tuple[float, ...]
    beta: tuple[float, ...]
    mean: float
    log_likelihood: float
    volatility: FloatArray
    forecast: FloatArray


def fit_garch(
    returns: ArrayLike,
    *,
    p: int = 1,
    o: int = 0,
    q: int = 1,
    mean: Mean = "zero",
    distribution: Distribution = "normal",
    horizon: int = 1,
) -> GarchFit:
    """Fit GARCH(p, q), or GJR-GARCH(p, o, q), and forecast.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions,)
        Returns per period, oldest first; at least 50.
    p, o, q : int
        Lags of squared shocks, of squared negative shocks, and of variance.
    mean : {"zero", "constant"}, default "zero"
        Model of the mean.
    distribution : {"normal", "t", "skewt"}, default "normal"
        Distribution of the shocks.
    horizon : int, default 1
        Periods to forecast.

    Returns
    -------
    fit : GarchFit
        Parameters, conditional volatility and forecast, per period.

    Raises
    ------
    MissingExtraError
        If ``arch`` is not installed.
    ShapeError
        If fewer than 50 returns are given.
    ValidationError
        If a return is not finite, all are the same, or an order is out of range.
    NotConvergedError
        If the likelihood could not be maximised.

    References
    ----------
    Bollerslev (1986), "Generalized Autoregressive Conditional Heteroskedasticity", J. Econometrics 31(3).
    Glosten, Jagannathan, Runkle (1993), J. Finance 48(5).
    """
    for name, value, least in (("p", p, 1), ("o", o, 0), ("q", q, 0), ("horizon", horizon, 1)):
        whole_number(name, value, low=least)
    one_of("mean", mean, ("zero", "constant"))
    one_of("distribution", distribution, ("normal", "t", "skewt"))
    series = return_series(returns, at_least=FEWEST_RETURNS)
    if series.min() == series.max():
        raise ValidationError(
            "returns are all the same.", field="returns", value=float(series[0]), allowed="returns that vary"
        )
    try:
        from arch import arch_model
    except ImportError as error:
        raise MissingExtraError("GARCH needs arch: pip install nanodesk[stats]") from error
    model = arch_model(series * SCALE, mean=mean, vol="GARCH", p=p, o=o, q=q, dist=distribution, rescale=False)
    result = model.fit(disp="off", show_warning=False)
    if result.convergence_flag != 0:
        raise NotConvergedError(
            f"GARCH({p}, {o}, {q}) did not converge on {len(series)} returns.",
            field="returns",
            fix="Use a longer sample or lower orders.",
        )
    parameters = {str(name): float(value) for name, value in result.params.items()}
    variance = np.asarray(result.forecast(horizon=horizon, reindex=False).variance, dtype=np.float64)[-1]
    return GarchFit(
        omega=parameters["omega"] / SCALE**2,
        alpha=_lags(parameters, "alpha", p),
        gamma=_lags(parameters, "gamma", o),
        beta=_lags(parameters, "beta", q),
        mean=parameters.get("mu", 0.0) / SCALE,
        log_likelihood=float(result.loglikelihood) + len(series) * float(np.log(SCALE)),
        volatility=np.asarray(result.conditional_volatility, dtype=np.float64) / SCALE,
        forecast=np.sqrt(variance) / SCALE,
    )


def garch_forecast(
    returns: ArrayLike,
    *,
    p: int = 1,
    o: int = 0,
    q: int = 1,
    mean: Mean = "zero",
    distribution: Distribution = "normal",
) -> float:
    """Volatility of the next period by a fitted GARCH model.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions,)
        Returns per period, oldest first; at least 50.
    p, o, q : int
        Lags of squared shocks, of squared negative shocks, and of variance.
    mean : {"zero", "constant"}, default "zero"
        Model of the mean.
    distribution : {"normal", "t", "skewt"}, default "normal"
        Distribution of the shocks.

    Returns
    -------
    volatility : float
        Forecast per period, as a fraction.

    Raises
    ------
    MissingExtraError
        If ``arch`` is not installed.
    ValidationError
        If an input is out of range.
    NotConvergedError
        If the likelihood could not be maximised.
    """
    return float(fit_garch(returns, p=p, o=o, q=q, mean=mean, distribution=distribution).forecast[0])


def _lags(parameters: dict[str, float], name: str, count: int) -> tuple[float, ...]:
    return tuple(parameters[f"{name}[{lag}]"] for lag in range(1, count + 1))

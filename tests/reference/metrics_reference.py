"""Slow, obvious versions of the metrics: plain Python loops written from the formula, the judges of the fast ones."""

import math
from statistics import NormalDist


def mean(values):
    return math.fsum(values) / len(values)


def std(values, ddof=1):
    if len(values) <= ddof or min(values) == max(values):
        return 0.0
    centre = mean(values)
    return math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (len(values) - ddof))


def wealth_path(returns):
    path, level = [], 1.0
    for r in returns:
        level *= 1.0 + r
        path.append(level)
    return path


def drawdowns(returns):
    peak, depths = 1.0, []
    for level in wealth_path(returns):
        peak = max(peak, level)
        depths.append((peak - level) / peak)
    return depths


def performance(returns, periods_per_year=252.0, risk_free=0.0):
    n = len(returns)
    rf = list(risk_free) if hasattr(risk_free, "__len__") else [risk_free] * n
    excess = [r - f for r, f in zip(returns, rf, strict=True)]
    path = wealth_path(returns)
    total = path[-1] - 1.0
    cagr = -1.0 if min(path) <= 0 else (1.0 + total) ** (periods_per_year / n) - 1.0
    spread = std(excess)
    below = math.sqrt(math.fsum(min(x, 0.0) ** 2 for x in excess) / n)
    depth = max(0.0, *drawdowns(returns))
    wins, losses = [r for r in returns if r > 0], [-r for r in returns if r < 0]
    count = -(-n // 20)  # ceil(n / 20) in integers
    win_rate = len(wins) / n
    if losses:
        payoff = mean(wins) / mean(losses) if wins else 0.0
        factor = math.fsum(wins) / math.fsum(losses)
    else:
        payoff = factor = math.inf if wins else 0.0
    year = math.sqrt(periods_per_year)
    return {
        "total_return": total,
        "cagr": cagr,
        "volatility": std(returns) * year,
        "sharpe": mean(excess) / spread * year if spread else 0.0,
        "sortino": mean(excess) / below * year if below else 0.0,
        "calmar": cagr / depth if depth else 0.0,
        "max_drawdown": depth,
        "cvar_95": mean(sorted(returns)[:count]),
        "win_rate": win_rate,
        "profit_factor": factor,
        "payoff_ratio": payoff,
        "kelly": win_rate - (1 - win_rate) / payoff if 0 < payoff < math.inf else 0.0,
        "num_periods": n,
        "winning_periods": len(wins),
        "losing_periods": len(losses),
    }


def drawdown_episodes(returns):
    """Each stretch under water: (depth, first row, trough row, recovery row or None), in order of time."""
    episodes, current = [], None
    for row, depth in enumerate(drawdowns(returns)):
        if depth > 0.0:
            if current is None:
                current = [depth, row, row]
            elif depth > current[0]:
                current[0], current[2] = depth, row
        elif current is not None:
            episodes.append((*current, row))
            current = None
    if current is not None:
        episodes.append((*current, None))
    return episodes


def ulcer(returns):
    return math.sqrt(mean([d * d for d in drawdowns(returns)]))


def rolling(values, window, measure):
    return [math.nan if i + 1 < window else measure(values[i + 1 - window : i + 1]) for i in range(len(values))]


def beta(pairs):
    mx, my = mean([x for x, _ in pairs]), mean([y for _, y in pairs])
    spread = math.fsum((y - my) ** 2 for _, y in pairs)
    return math.fsum((x - mx) * (y - my) for x, y in pairs) / spread if spread else math.nan


def grouped(returns, labels):
    """Compounded return of each label, in order of first appearance."""
    total = {}
    for r, label in zip(returns, labels, strict=True):
        total[label] = total.get(label, 1.0) * (1.0 + r)
    return {label: value - 1.0 for label, value in total.items()}


def central_moment(values, order):
    centre = mean(values)
    return math.fsum((v - centre) ** order for v in values) / len(values)


def skew_population(values):
    return central_moment(values, 3) / central_moment(values, 2) ** 1.5


def kurtosis_population(values):
    return central_moment(values, 4) / central_moment(values, 2) ** 2


def skew_sample(values):
    n = len(values)
    return skew_population(values) * math.sqrt(n * (n - 1)) / (n - 2)


def excess_kurtosis_sample(values):
    n = len(values)
    return ((n + 1) * (kurtosis_population(values) - 3.0) + 6.0) * (n - 1) / ((n - 2) * (n - 3))


def quantile(values, share):
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def cornish_fisher(values, share):
    z = NormalDist().inv_cdf(share)
    s, k = skew_sample(values), excess_kurtosis_sample(values)
    stretched = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
    return mean(values) + stretched * std(values)


def probabilistic_sharpe(values, benchmark_sharpe=0.0):
    sharpe = mean(values) / std(values)
    spread = 1 - skew_population(values) * sharpe + (kurtosis_population(values) - 1) / 4 * sharpe**2
    return NormalDist().cdf((sharpe - benchmark_sharpe) * math.sqrt(len(values) - 1) / math.sqrt(spread))


def hac_sharpe_error(values, lags):
    """Delta method over a Newey-West matrix of (r - mean, (r - mean)^2 - var), as Lo (2002) writes it."""
    n = len(values)
    centre, spread = mean(values), std(values, ddof=0)
    rows = [(v - centre, (v - centre) ** 2 - spread**2) for v in values]
    gradient = (1 / spread, -centre / (2 * spread**3))

    def autocovariance(lag, i, j):
        return math.fsum(rows[t][i] * rows[t - lag][j] for t in range(lag, n)) / n

    variance = 0.0
    for i in (0, 1):
        for j in (0, 1):
            entry = autocovariance(0, i, j)
            for lag in range(1, lags + 1):
                entry += (1 - lag / (lags + 1)) * (autocovariance(lag, i, j) + autocovariance(lag, j, i))
            variance += gradient[i] * entry * gradient[j]
    return math.sqrt(variance / n)


def longest_run(flags):
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best

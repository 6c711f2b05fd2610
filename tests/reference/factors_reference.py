"""The ten price factors, one value at a time, straight from the formulas: slow, and exact sums throughout.

Every function takes the closes of one name (and of market and VIX) as lists up to and including the decision, with
``None`` where unknown, and returns a float or ``None``.
"""

import math

COVERAGE = 0.8


def price(closes, lag):
    return closes[len(closes) - 1 - lag] if lag < len(closes) else None


def mom(closes, window, skip=21):
    new, old = price(closes, skip), price(closes, window)
    return None if new is None or old is None else new / old - 1.0


def mom_12_1(closes, market, vix):
    return mom(closes, 252)


def mom_6_1(closes, market, vix):
    return mom(closes, 126)


def rev_1m(closes, market, vix):
    new, old = price(closes, 0), price(closes, 21)
    return None if old is None else -(new / old - 1.0)


def high_52w(closes, market, vix, window=252):
    known = [p for p in closes[-window:] if p is not None]
    return closes[-1] / max(known) if len(known) >= math.ceil(COVERAGE * window) else None


def log_returns(closes):
    out = [None] * len(closes)
    for t in range(1, len(closes)):
        if closes[t] is not None and closes[t - 1] is not None:
            out[t] = math.log(closes[t] / closes[t - 1])
    return out


def changes(levels):
    out = [None] * len(levels)
    for t in range(1, len(levels)):
        if levels[t] is not None and levels[t - 1] is not None:
            out[t] = levels[t] - levels[t - 1]
    return out


def overlapping(returns, horizon):
    out = [None] * len(returns)
    for t in range(horizon - 1, len(returns)):
        part = returns[t - horizon + 1 : t + 1]
        if all(r is not None for r in part):
            out[t] = math.fsum(part)
    return out


def together(window, *series):
    """The last `window` entries of several series, kept where all are known."""
    start = max(0, len(series[0]) - window)
    return [row for row in zip(*(s[start:] for s in series), strict=True) if all(x is not None for x in row)]


def mean(values):
    return math.fsum(values) / len(values)


def product_sum(xs, ys):
    mx, my = mean(xs), mean(ys)
    return math.fsum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))


def varies(values):
    return len(values) > 1 and product_sum(values, values) > 1e-20 * math.fsum(v * v for v in values)


def std(values):
    return math.sqrt(product_sum(values, values) / (len(values) - 1))


def enough(count, window):
    return count >= math.ceil(round(COVERAGE * window, 9))


def vol_63(closes, market, vix, window=63):
    returns = [r for (r,) in together(window, log_returns(closes))]
    if not enough(len(returns), window) or not varies(returns):
        return None
    return -std(returns) * math.sqrt(252)


def downside_63(closes, market, vix, window=63):
    returns = [r for (r,) in together(window, log_returns(closes))]
    if not enough(len(returns), window) or not varies(returns):
        return None
    return -math.sqrt(mean([min(r, 0.0) ** 2 for r in returns])) * math.sqrt(252)


def fit(pairs):
    """Intercept, slope and residuals of the second on the first, or None where one does not vary."""
    x, y = [p[0] for p in pairs], [p[1] for p in pairs]
    if not varies(x) or not varies(y):
        return None
    slope = product_sum(x, y) / product_sum(x, x)
    intercept = mean(y) - slope * mean(x)
    centre_x, centre_y = mean(x), mean(y)
    return intercept, slope, [(b - centre_y) - slope * (a - centre_x) for a, b in pairs], product_sum(y, y)


def explained(residuals, total):
    return math.fsum(e * e for e in residuals) <= 1e-20 * total


def resid_mom(closes, market, vix, window=252, skip=21, estimation=252, remove_alpha=False):
    returns, common = log_returns(closes), log_returns(market)
    pairs = together(estimation, common, returns)
    formation = together(window - skip, common[: len(common) - skip], returns[: len(returns) - skip])
    if not enough(len(pairs), estimation) or not enough(len(formation), window - skip):
        return None
    found = fit(pairs)
    if found is None or explained(found[2], found[3]):
        return None
    alpha, beta, residuals, _ = found
    total = math.fsum(r - beta * m - (alpha if remove_alpha else 0.0) for m, r in formation)
    return total / std(residuals)


def beta_252(closes, market, vix, window=252, overlap=3, shrink=0.6):
    returns, common = log_returns(closes), log_returns(market)
    daily = together(window, common, returns)
    wide = together(window - overlap + 1, overlapping(common, overlap), overlapping(returns, overlap))
    if not enough(len(daily), window) or not enough(len(wide), window - overlap + 1):
        return None
    if fit(daily) is None or fit(wide) is None:
        return None
    x, y = [p[0] for p in wide], [p[1] for p in wide]
    correlation = product_sum(x, y) / math.sqrt(product_sum(x, x) * product_sum(y, y))
    ratio = std([p[1] for p in daily]) / std([p[0] for p in daily])
    return -(shrink * correlation * ratio + 1.0 - shrink)


def ivol_252(closes, market, vix, window=252):
    pairs = together(window, log_returns(market), log_returns(closes))
    if not enough(len(pairs), window):
        return None
    found = fit(pairs)
    return None if found is None or explained(found[2], found[3]) else -std(found[2])


def vix_beta(closes, market, vix, window=63):
    rows = together(window, log_returns(closes), log_returns(market), changes(vix))
    own = [r for (r,) in together(window, log_returns(closes))]
    if not enough(len(rows), window) or not varies(own):
        return None
    r, m, v = ([row[i] for row in rows] for i in range(3))
    mm, vv, mv = product_sum(m, m), product_sum(v, v), product_sum(m, v)
    if mm * vv - mv * mv <= 1e-10 * mm * vv:
        return None
    # Solve the 2 x 2 normal equations by Cramer's rule.
    return -(product_sum(r, v) * mm - product_sum(r, m) * mv) / (mm * vv - mv * mv)


REFERENCES = {
    "mom_12_1": mom_12_1,
    "mom_6_1": mom_6_1,
    "rev_1m": rev_1m,
    "high_52w": high_52w,
    "resid_mom": resid_mom,
    "vol_63": vol_63,
    "downside_63": downside_63,
    "beta_252": beta_252,
    "ivol_252": ivol_252,
    "vix_beta": vix_beta,
}


def known(value):
    return None if value is None or value != value else float(value)


def reference_value(factor_id, close, market, vix, row, **parameters):
    """Value of one name on one row; ``close``, ``market`` and ``vix`` are vectors over all sessions."""
    closes, index, fear = ([known(x) for x in series[: row + 1]] for series in (close, market, vix))
    if closes[-1] is None:
        return None
    return REFERENCES[factor_id](closes, index, fear, **parameters)

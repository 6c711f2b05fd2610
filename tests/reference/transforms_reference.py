"""The transforms of factor matrices written for one row or one column of plain floats; ``None`` is missing."""

import math
import statistics


def quantile(values, share):
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def each(row, change):
    """Apply to the known values of a row; ``change`` gets their list and one value."""
    known = [x for x in row if x is not None]
    return [None if x is None else change(known, x) for x in row]


def winsor_quantiles(row, lo, hi):
    return each(row, lambda known, x: min(max(x, quantile(known, lo)), quantile(known, hi)))


def mad_of(known):
    middle = statistics.median(known)
    return 1.482602218505602 * statistics.median([abs(x - middle) for x in known])


def winsor_mad(row, mad):
    def change(known, x):
        middle, reach = statistics.median(known), mad * mad_of(known)
        return x if reach == 0 else min(max(x, middle - reach), middle + reach)

    return each(row, change)


def enough(row, min_count, result):
    return result if sum(x is not None for x in row) >= min_count else [None] * len(row)


def zscore(row, min_count):
    def change(known, x):
        if max(known) == min(known):
            return 0.0
        return (x - math.fsum(known) / len(known)) / statistics.stdev(known)

    return enough(row, min_count, each(row, change)) if sum(x is not None for x in row) > 1 else [None] * len(row)


def robust_z(row, min_count):
    def change(known, x):
        middle = statistics.median(known)
        mean_away = 1.2533141373155001 * math.fsum(abs(k - middle) for k in known) / len(known)
        spread = mad_of(known) or mean_away
        return (x - middle) / spread if spread else 0.0

    return enough(row, min_count, each(row, change))


def average_rank(known, x):
    return sum(k < x for k in known) + (sum(k == x for k in known) + 1) / 2


def rank(row, min_count):
    return enough(row, min_count, each(row, lambda known, x: (average_rank(known, x) - 0.5) / len(known) - 0.5))


def gauss_rank(row, min_count):
    normal = statistics.NormalDist()
    places = rank(row, min_count)
    return [None if p is None else normal.inv_cdf(p + 0.5) for p in places]


def scale(row, gross):
    def change(known, x):
        total = math.fsum(abs(k) for k in known)
        return x * gross / total if total else x

    return each(row, change)


def group_demean(row, groups):
    out = []
    for x, group in zip(row, groups, strict=True):
        peers = [y for y, g in zip(row, groups, strict=True) if g == group and y is not None]
        out.append(None if x is None or group is None else x - math.fsum(peers) / len(peers))
    return out


def group_median_fill(row, groups):
    out = []
    for x, group in zip(row, groups, strict=True):
        peers = [y for y, g in zip(row, groups, strict=True) if g == group and y is not None]
        out.append(statistics.median(peers) if x is None and group is not None and peers else x)
    return out


def forward_fill(column, limit):
    out = []
    for t, x in enumerate(column):
        for age in range(limit + 1):
            if x is None and t - age >= 0:
                x = column[t - age]
        out.append(x)
    return out


def ewma(column, halflife):
    out = []
    for t, x in enumerate(column):
        pairs = [(0.5 ** ((t - s) / halflife), y) for s, y in enumerate(column[: t + 1]) if y is not None]
        out.append(None if x is None else math.fsum(w * y for w, y in pairs) / math.fsum(w for w, _ in pairs))
    return out


def decay_linear(column, window):
    out = []
    for t, x in enumerate(column):
        ages = [(window - age, column[t - age]) for age in range(window) if t - age >= 0]
        pairs = [(w, y) for w, y in ages if y is not None]
        out.append(None if x is None else math.fsum(w * y for w, y in pairs) / math.fsum(w for w, _ in pairs))
    return out


def bars_needed(window):
    return max(math.ceil(round(0.8 * window, 9)), 2)


def volatility(bars, window, estimator):
    """Annualised volatility on the last of the bars, each ``(open, high, low, close)`` with ``None`` where missing."""

    def log_ratio(a, b):
        return None if a is None or b is None else math.log(a / b)

    start = max(len(bars) - window, 0)
    inside = range(start, len(bars))
    daily = [log_ratio(bars[t][3], bars[t - 1][3]) if t > 0 else None for t in range(len(bars))]
    overnight = [log_ratio(bars[t][0], bars[t - 1][3]) if t > 0 else None for t in range(len(bars))]
    if estimator == "ewm":
        decay = 1 - 2 / (window + 1)
        pairs = [(decay ** (len(bars) - 1 - t), r) for t, r in enumerate(daily) if r is not None]
        if len(pairs) < bars_needed(window):
            return None
        return math.sqrt(252 * math.fsum(w * r * r for w, r in pairs) / math.fsum(w for w, _ in pairs))
    if estimator == "std":
        known = [daily[t] for t in inside if daily[t] is not None]
        return math.sqrt(252) * statistics.stdev(known) if len(known) >= bars_needed(window) else None
    whole = [bars[t] for t in inside if None not in bars[t]]
    if len(whole) < bars_needed(window):
        return None
    if estimator == "parkinson":
        terms = [math.log(h / low) ** 2 / (4 * math.log(2)) for _, h, low, _ in whole]
        return math.sqrt(252 * math.fsum(terms) / len(terms))
    if estimator == "garman_klass":
        terms = [0.5 * math.log(h / low) ** 2 - (2 * math.log(2) - 1) * math.log(c / o) ** 2 for o, h, low, c in whole]
        return math.sqrt(252 * math.fsum(terms) / len(terms))
    nights = [overnight[t] for t in inside if overnight[t] is not None]
    if len(nights) < bars_needed(window):
        return None
    bodies = [math.log(c / o) for o, _, _, c in whole]
    ranges = [math.log(h / o) * math.log(h / c) + math.log(low / o) * math.log(low / c) for o, h, low, c in whole]
    k = 0.34 / (1.34 + (window + 1) / (window - 1))
    variance = statistics.variance(nights) + k * statistics.variance(bodies) + (1 - k) * math.fsum(ranges) / len(ranges)
    return math.sqrt(252 * variance)

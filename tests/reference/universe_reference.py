"""Slow, obvious versions of the screening measures and of the screen: one name, one date, plain Python."""

import itertools
import math

WINDOW_COVERAGE = 0.8


def present(values):
    return [value for value in values if not math.isnan(value)]


def window_of(column, row, length):
    return list(column[max(0, row + 1 - length) : row + 1])


def sessions_traded(close, row):
    return len(present(close[: row + 1]))


def missing_share(close, row, window):
    return 1.0 - len(present(window_of(close, row, window))) / window


def median_dollar_volume(close, volume, row, window):
    traded = [p * v for p, v in zip(window_of(close, row, window), window_of(volume, row, window), strict=True)]
    known = sorted(present(traded))
    if len(known) < WINDOW_COVERAGE * window:
        return math.nan
    middle = len(known) // 2
    return known[middle] if len(known) % 2 else 0.5 * (known[middle - 1] + known[middle])


def annual_volatility(close, row, window):
    part = window_of(close, row, window + 1)
    moves = present([math.log(b / a) for a, b in itertools.pairwise(part)])
    if len(moves) < max(2, WINDOW_COVERAGE * window):
        return math.nan
    mean = sum(moves) / len(moves)
    return math.sqrt(sum((move - mean) ** 2 for move in moves) / (len(moves) - 1) * 252)


def skipped_return(close, row, lookback, skip):
    return math.nan if row < lookback else close[row - skip] / close[row - lookback] - 1


def corwin_schultz_bps(high, low, close, row, window):
    """Corwin and Schultz (2012), equations 7, 10, 14 and 18, with their overnight correction."""
    spreads = []
    for day in range(max(1, row + 1 - window), row + 1):
        values = high[day - 1], low[day - 1], close[day - 1], high[day], low[day]
        if any(math.isnan(value) for value in values):
            continue
        upper, lower = high[day], low[day]
        if lower > close[day - 1]:
            upper, lower = upper - (lower - close[day - 1]), close[day - 1]
        elif upper < close[day - 1]:
            upper, lower = close[day - 1], lower + (close[day - 1] - upper)
        beta = math.log(high[day - 1] / low[day - 1]) ** 2 + math.log(upper / lower) ** 2
        gamma = math.log(max(high[day - 1], upper) / min(low[day - 1], lower)) ** 2
        k = 3 - 2 * math.sqrt(2)
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / k - math.sqrt(gamma / k)
        spreads.append(max(0.0, 2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha))))
    return 1e4 * sum(spreads) / len(spreads) if len(spreads) >= WINDOW_COVERAGE * window else math.nan


def abdi_ranaldo_bps(high, low, close, row, window):
    """Abdi and Ranaldo (2017), equation 11: the two-day corrected estimator."""
    spreads = []
    for day in range(max(1, row + 1 - window), row + 1):
        values = high[day - 1], low[day - 1], close[day - 1], high[day], low[day]
        if any(math.isnan(value) for value in values):
            continue
        before = (math.log(high[day - 1]) + math.log(low[day - 1])) / 2
        after = (math.log(high[day]) + math.log(low[day])) / 2
        last = math.log(close[day - 1])
        spreads.append(math.sqrt(max(4 * (last - before) * (last - after), 0.0)))
    return 1e4 * sum(spreads) / len(spreads) if len(spreads) >= WINDOW_COVERAGE * window else math.nan


def correlation(xs, ys, min_overlap):
    pairs = [(x, y) for x, y in zip(xs, ys, strict=True) if not (math.isnan(x) or math.isnan(y))]
    if len(pairs) < min_overlap:
        return math.nan
    mean_x, mean_y = (sum(pair[i] for pair in pairs) / len(pairs) for i in (0, 1))
    sxy = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    sxx = sum((x - mean_x) ** 2 for x, _ in pairs)
    syy = sum((y - mean_y) ** 2 for _, y in pairs)
    return sxy / math.sqrt(sxx * syy) if sxx * syy > 0 else math.nan


def rank_top(names, score, held, n, exit_rank):
    """Names in order of score (ties by position); the first n, and held ones up to exit_rank."""
    order = sorted((name for name in names if not math.isnan(score[name])), key=lambda name: (-score[name], name))
    return {name for rank, name in enumerate(order, 1) if rank <= n or (name in held and rank <= exit_rank)}


def within_sectors(order, sector, share):
    """The largest set, best names first, in which no sector has more than its share (or one name)."""
    for size in range(len(order), 0, -1):
        most = max(1, math.floor(share * size + 1e-9))
        kept, seen = [], {}
        for name in order:
            seen[sector[name]] = seen.get(sector[name], 0) + 1
            if seen[sector[name]] <= most:
                kept.append(name)
        if len(kept) >= size:
            return kept
    return []

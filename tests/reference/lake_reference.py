"""Slow, obvious point-in-time reads: look at every row for every cell."""

import math


def newest_report(rows, day, symbol, column):
    """Of the reports known by the day, the one of the newest period, in its latest version."""
    known = [row for row in rows if row["symbol"] == symbol and row["known_at"] <= day]
    if not known:
        return math.nan
    best = max(known, key=lambda row: (row["period_end"], row["known_at"]))
    return math.nan if best[column] is None else best[column]


def report_age(rows, day, symbol):
    """Days since the first sight of the newest period known."""
    known = [row for row in rows if row["symbol"] == symbol and row["known_at"] <= day]
    if not known:
        return math.nan
    period = max(row["period_end"] for row in known)
    return (day - min(row["known_at"] for row in known if row["period_end"] == period)).days


def series_value(rows, day):
    """Of the observations known by the day, the newest one in its latest version."""
    known = [row for row in rows if row["known_at"] <= day]
    return max(known, key=lambda row: (row["date"], row["known_at"]))["value"] if known else math.nan


def adjusted_close(close, factor):
    """Price over the product of all factors before it, along one name."""
    product, out = 1.0, []
    for price, next_factor in zip(close, factor, strict=True):
        out.append(price / product)
        product *= 1.0 if math.isnan(next_factor) else next_factor
    return out

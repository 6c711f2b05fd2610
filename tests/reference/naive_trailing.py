"""How a trailing stop follows one print (R41)."""

from __future__ import annotations

import math

from reference.naive_orders import MAX, MIN, SELL, Stop, Trail

TOO_FAR = 2.0**62


def trail(stop: Stop, price: int, changes: list[int]) -> None:
    """Move watermark and stop price of one trailing stop; ``changes`` include this print's."""
    rule = stop.trail
    assert rule is not None
    if rule.watermark is None:
        rule.watermark = price
    else:
        rule.watermark = max(rule.watermark, price) if stop.side == SELL else min(rule.watermark, price)
    offset = trail_offset(rule, price, changes)
    if offset is None or offset <= 0 or offset >= TOO_FAR:
        return
    if stop.side == SELL:
        candidate = rule.watermark - int(offset)
        if candidate >= MIN + 1:
            stop.stop_price = max(stop.stop_price, candidate)
    else:
        candidate = rule.watermark + int(offset)
        if candidate <= MAX - 1:
            stop.stop_price = min(stop.stop_price, candidate)


def trail_offset(rule: Trail, price: int, changes: list[int]) -> float | None:
    """Distance from the watermark, a whole number; none while the rule knows too little."""
    if rule.method == "fixed":
        return int(rule.value)
    if rule.method == "percentage":
        assert rule.watermark is not None
        return whole(math.floor, float(abs(rule.watermark)) * rule.value + 0.5)
    if rule.method in ("sma_abs_change", "atr"):
        assert rule.period is not None
        last = changes[-rule.period :]
        if not last:
            return None
        return whole(math.trunc, rule.value * float(sum(last)) / float(len(last)))
    return wilder_offset(rule, price)


def wilder_offset(rule: Trail, price: int) -> float | None:
    """Wilder's average true range of the prints since submission."""
    assert rule.period is not None
    previous, rule.previous = rule.previous, price
    if previous is not None:
        true_range = float(abs(price - previous))
        rule.true_ranges += 1
        if rule.true_ranges <= rule.period:
            rule.sum_of_ranges += true_range
            if rule.true_ranges == rule.period:
                rule.atr = rule.sum_of_ranges / float(rule.period)
        else:
            assert rule.atr is not None
            rule.atr = (rule.atr * float(rule.period - 1) + true_range) / float(rule.period)
    return None if rule.atr is None else whole(math.trunc, rule.value * rule.atr)


def whole(rounding, number: float) -> float:
    """Rounded to a whole number; an infinite one stays as it is."""
    return number if math.isinf(number) else rounding(number)

"""How far our answers may lie from the published ones, and where they do."""

import json
import math
from typing import Any

# Largest difference, relative above 1 and absolute below. Integers compare exactly. The optimizers repeat the wheel's
# additions in its order; the rest is the same formula in another order of summation, over at most 60 numbers. P-values
# come from another expansion of the same integral. Indicators are wider because the wheel's Bollinger bands keep
# running sums of squares, which cancel.
TOLERANCE = {"metrics": 1e-11, "odd_metrics": 1e-11, "portfolio": 1e-11, "backtest": 1e-11, "callback": 1e-11,
             "sweep": 1e-11, "statistics": 1e-11, "rolling": 1e-9, "indicators": 1e-9}  # fmt: skip
PINNED = 5e-13


def plain(answer: Any) -> Any:
    """As JSON gives it back: tuples are lists."""
    return json.loads(json.dumps(answer))


def differences(expected: Any, actual: Any, tolerance: float, place: str = "") -> list[str]:
    if isinstance(expected, float) and isinstance(actual, float):
        return [] if close(expected, actual, tolerance) else [f"{place}: {expected!r} != {actual!r}"]
    if type(expected) is not type(actual):
        return [f"{place}: {expected!r} != {actual!r}"]
    if isinstance(expected, dict):
        if expected.keys() != actual.keys():
            return [f"{place}: keys {list(expected)} != {list(actual)}"]
        return [
            line for key in expected for line in differences(expected[key], actual[key], tolerance, f"{place}.{key}")
        ]
    if isinstance(expected, list):
        if len(expected) != len(actual):
            return [f"{place}: {expected!r} != {actual!r}"]
        pairs = enumerate(zip(expected, actual, strict=True))
        return [line for i, (left, right) in pairs for line in differences(left, right, tolerance, f"{place}[{i}]")]
    if isinstance(expected, str):  # -0.00 and 0.00 are the same rounding of a mean that is zero
        expected, actual = expected.replace("=-0.00", "=0.00"), actual.replace("=-0.00", "=0.00")
    return [] if expected == actual else [f"{place}: {expected!r} != {actual!r}"]


def close(expected: float, actual: float, tolerance: float) -> bool:
    if math.isnan(expected) or math.isnan(actual):
        return math.isnan(expected) and math.isnan(actual)
    return expected == actual or abs(expected - actual) <= tolerance * max(1.0, abs(expected))

"""Waiting times between attempts to reconnect: doubling, bounded, and spread so that clients do not return at once."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random


def jittered_backoff(rng: Random, *, first_s: float = 0.25, cap_s: float = 30.0) -> Iterator[float]:
    """Yield waiting times without end.

    Parameters
    ----------
    rng : Random
        Source of the spread.
    first_s : float, default 0.25
        Bound of the first wait.
    cap_s : float, default 30
        Bound of every wait.

    Yields
    ------
    wait_s : float
        Uniform between a quarter of the bound and the bound; the bound doubles.

    References
    ----------
    Brooker (2015), "Exponential Backoff and Jitter", AWS Architecture Blog.

    Examples
    --------
    >>> waits = jittered_backoff(Random(7), first_s=1.0, cap_s=4.0)
    >>> all(0.25 <= next(waits) <= bound for bound in (1, 2, 4, 4))
    True
    """
    bound = first_s
    while True:
        yield rng.uniform(bound / 4, bound)
        bound = min(2 * bound, cap_s)

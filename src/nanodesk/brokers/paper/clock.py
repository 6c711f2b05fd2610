"""A clock that stands still, for runs that repeat."""

from __future__ import annotations

from nanodesk.errors import ValidationError


class VirtualClock:
    """A clock that stands until it is moved.

    Parameters
    ----------
    now_ns : int, default 0
        Where it starts, nanoseconds since 1970.

    Examples
    --------
    >>> clock = VirtualClock(5)
    >>> clock.advance(10)
    >>> clock()
    15
    """

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def __call__(self) -> int:
        """The present instant, nanoseconds since 1970."""
        return self._now_ns

    def advance(self, ns: int) -> None:
        """Move it forward.

        Parameters
        ----------
        ns : int
            Nanoseconds, 0 or more.

        Raises
        ------
        ValidationError
            If ``ns`` is negative.
        """
        require_at_least("ns", ns, 0)
        self._now_ns += ns

    def sleep(self, seconds: float) -> None:
        """Move it forward in place of waiting.

        Parameters
        ----------
        seconds : float
            0 or more.
        """
        self.advance(round(seconds * 1_000_000_000))


def require_at_least(name: str, value: int, least: int) -> None:
    """Refuse a number that is no integer, or too small.

    Parameters
    ----------
    name : str
        Argument named in the error.
    value : int
        Its value.
    least : int
        Smallest allowed.

    Raises
    ------
    ValidationError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValidationError(
            f"{name}={value!r} must be an integer of at least {least}.", field=name, value=value, allowed=f">= {least}"
        )

"""Every exception of the package.

::

    NanodeskError
    ├── ValidationError (ValueError)    ShapeError, PriceError, QuantityError, WeightsError, ConfigError
    ├── BookError                       UnknownOrderError, CrossedBookError, ReplayError
    ├── FeedError                       TruncatedMessageError
    ├── DataError                       MissingSessionError, SchemaMismatchError
    ├── SolverError                     InfeasibleError, NotConvergedError
    ├── RiskLimitBreached
    ├── BrokerError                     NotConnectedError, OrderRejectedError, RateLimitedError
    ├── JournalError                    JournalDamagedError, JournalLockedError
    ├── RebalanceError                  StalePlanError, DuplicateRunError
    └── MissingExtraError (ImportError)

A message names the field, the value, what is allowed and the fix; the same facts are attributes, so no
caller parses text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_ACTS_ON_A_TERMINAL: Final = {
    point: f"\\u{point:04x}"
    for point in (
        *(point for point in range(0xA0) if not 0x20 <= point < 0x7F and chr(point) not in "\t\n"),
        *(0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF),
    )
}
"""Control characters of both sets, and those that turn or break the line; as JSON writes them."""


def visible(text: str) -> str:
    r"""Text that came from outside, so that a terminal or a log shows it and does not obey it.

    Parameters
    ----------
    text : str
        Perhaps with escape sequences: what a venue gives as its reason, a cell of a file.

    Returns
    -------
    text : str
        The same object where there is nothing to show differently; line ends and tabs stay.

    Examples
    --------
    >>> print(visible("no \x1b[2Jcredit"))
    no \u001b[2Jcredit
    """
    return text if text.isprintable() else text.translate(_ACTS_ON_A_TERMINAL)


class NanodeskError(Exception):
    """Root of every error the package raises on purpose; what of its message would act on a terminal is escaped.

    Parameters
    ----------
    message : str
        What is wrong, naming field and value.
    field : str, optional
        Name of the argument, key, column or cell.
    value : object, optional
        The offending value.
    allowed : str, optional
        What would be accepted.
    fix : str, optional
        What the caller can do; printed after the message.

    Examples
    --------
    >>> raise PriceError("limit_price=7 is not a multiple of tick_size=5.", field="limit_price", value=7, fix="Use 5.")
    Traceback (most recent call last):
        ...
    nanodesk.errors.PriceError: limit_price=7 is not a multiple of tick_size=5. Use 5.
    """

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        value: object = None,
        allowed: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(visible(message if fix is None else f"{message} {fix}"))
        self.field = field
        self.value = value
        self.allowed = allowed
        self.fix = fix


class ValidationError(NanodeskError, ValueError):
    """An argument or a cell of an input is outside what is allowed."""


class ShapeError(ValidationError):
    """Arrays differ in length or have the wrong number of dimensions."""


class PriceError(ValidationError):
    """A price is not finite, not positive where it must be, or off the tick grid."""


class QuantityError(ValidationError):
    """A quantity is zero, negative, off the lot grid or too large."""


class WeightsError(ValidationError):
    """Target weights are not finite or do not fit the stated gross."""


class ConfigError(ValidationError):
    """A manifest or configuration file is wrong; ``problems`` lists every fault at once.

    Parameters
    ----------
    message : str
        All problems, one a line.
    problems : sequence of str
        The same, one by one: ``file:line: dotted.key: what is wrong``.
    """

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(map(visible, problems))


class BookError(NanodeskError):
    """A command does not fit the state of the book."""


class UnknownOrderError(BookError):
    """No active order has this id."""


class CrossedBookError(BookError):
    """The best bid is at or above the best ask where that may not be."""


class ReplayError(BookError):
    """An event log is cut, altered, of an unknown schema, or holds a record that no command makes.

    Parameters
    ----------
    message : str
        What is wrong, naming file and line or byte.
    position : int, optional
        Line (from 1) or byte (from 0) where reading stopped.
    events_read : int, default 0
        How many records before it are sound.
    """

    def __init__(self, message: str, *, position: int | None = None, events_read: int = 0) -> None:
        super().__init__(message)
        self.position = position
        self.events_read = events_read


class FeedError(NanodeskError):
    """Bytes of a feed do not follow its format."""


class TruncatedMessageError(FeedError):
    """A message ends before its fields do."""


class DataError(NanodeskError):
    """Market data is missing, unreadable or inconsistent."""


class MissingSessionError(DataError):
    """A trading day that the calendar expects is not in the data."""


class SchemaMismatchError(DataError):
    """A file has a schema version or columns that this reader does not know."""


class SolverError(NanodeskError):
    """An optimisation did not end at an optimum."""


class InfeasibleError(SolverError):
    """The limits contradict each other: no portfolio satisfies all of them."""


class NotConvergedError(SolverError):
    """The solver stopped before its tolerance was met."""


class RiskLimitBreached(NanodeskError):  # noqa: N818  (the limit was breached; the name says what happened)
    """An order or a batch failed a pre-trade check; raised by execution only.

    Parameters
    ----------
    message : str
        Which checks failed, with numbers and limits.
    report : object
        The :class:`~nanodesk.risk.report.RiskReport`.
    """

    def __init__(self, message: str, *, report: object = None) -> None:
        super().__init__(message)
        self.report = report


class BrokerError(NanodeskError):
    """A broker cannot be reached, or its answer cannot be read."""


class NotConnectedError(BrokerError):
    """The call needs a connection."""


class OrderRejectedError(BrokerError):
    """The venue refused an order for a stated reason."""


class RateLimitedError(BrokerError):
    """The venue asks to wait.

    Parameters
    ----------
    message : str
        What was asked too often.
    retry_after_s : float
        Seconds to wait before the next request.
    """

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class JournalError(NanodeskError):
    """The journal of orders cannot be written or read."""


class JournalDamagedError(JournalError):
    """The journal does not follow its own chain of hashes.

    Parameters
    ----------
    message : str
        What is wrong.
    sequence : int, optional
        First event that cannot be believed.
    """

    def __init__(self, message: str, *, sequence: int | None = None) -> None:
        super().__init__(message)
        self.sequence = sequence


class JournalLockedError(JournalError):
    """Another process writes this journal."""


class RebalanceError(NanodeskError):
    """A rebalance cannot go on."""


class StalePlanError(RebalanceError):
    """Quotes, positions or clock are too old for the plan to be sent."""


class DuplicateRunError(RebalanceError):
    """This run, or one of the same window, has been done or is under way."""


class MissingExtraError(NanodeskError, ImportError):
    """An optional dependency is not installed; the message names the extra to install."""

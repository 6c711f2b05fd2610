"""What the pre-trade checks found: one row a check, with its number, its value, its limit and its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, unique
from typing import Any, Final, NamedTuple

from nanodesk.errors import RiskLimitBreached
from nanodesk.market.fixed_point import E9, format_e9
from nanodesk.risk.fixes import FIXES

NO_INPUTS: Final[Mapping[str, object]] = {}
ABOVE: Final = "above its limit"


@unique
class CheckStatus(Enum):
    """Whether an order may go."""

    PASS = "pass"  # noqa: S105  (a verdict, not a password)
    WARN = "warn"
    FAIL = "fail"


class RiskCheck(NamedTuple):
    """The verdict of one check on one order, or on the batch as a whole.

    Parameters
    ----------
    number : int
        1 to 48, as ``docs/risk.md`` lists them.
    name : str
        What is checked.
    status : CheckStatus
        PASS, WARN or FAIL.
    value_e9, limit_e9 : int or None
        What was found and what is allowed, in billionths of the unit that the check is about (currency, fraction,
        basis point, second, count); ``None`` where there is no number, or no limit is set.
    reason : str
        Why, when it did not pass; what was not checked, when a limit is off.
    inputs : mapping of str to object
        What the value was computed from.
    key : str, default ""
        The limit's name in the configuration, whose ending tells the unit; empty where no key sets it.
    client_order_id : str, default ""
        The order; empty for a check of the whole batch.
    """

    number: int
    name: str
    status: CheckStatus
    value_e9: int | None = None
    limit_e9: int | None = None
    reason: str = ""
    inputs: Mapping[str, object] = NO_INPUTS
    key: str = ""
    client_order_id: str = ""

    @property
    def value(self) -> Decimal | None:
        """What was found, in whole units."""
        return None if self.value_e9 is None else Decimal(self.value_e9) / E9

    @property
    def limit(self) -> Decimal | None:
        """What is allowed, in whole units."""
        return None if self.limit_e9 is None else Decimal(self.limit_e9) / E9

    @property
    def utilisation(self) -> Decimal | None:
        """How much of the limit is used, 1 at the limit; ``None`` without a number or a limit above zero."""
        if self.value_e9 is None or not self.limit_e9:
            return None
        return Decimal(self.value_e9) / self.limit_e9

    @property
    def detail(self) -> str:
        """One line: the value against its limit, and the reason."""
        if self.value_e9 is None:
            return self.reason
        numbers = format_e9(self.value_e9)
        if self.limit_e9 is not None:
            word = "above" if self.value_e9 > self.limit_e9 else "within"
            numbers += f" is {word} {self.key or 'the limit'} = {format_e9(self.limit_e9)}"
        return f"{numbers} ({self.reason})" if self.reason not in ("", ABOVE) else numbers

    @property
    def fix(self) -> str:
        """What to do about it; empty for a check that passed."""
        return "" if self.status is CheckStatus.PASS else FIXES[self.number]

    def as_row(self) -> dict[str, Any]:
        """Plain values for JSON and for the audit trail.

        Returns
        -------
        row : dict of str to object
            Numbers as decimal text, inputs as text; ``fix`` says what to do where it did not pass.
        """
        return {
            "number": self.number,
            "name": self.name,
            "status": self.status.value,
            "value": None if self.value_e9 is None else format_e9(self.value_e9),
            "limit": None if self.limit_e9 is None else format_e9(self.limit_e9),
            "key": self.key,
            "reason": self.reason,
            "fix": self.fix,
            "inputs": {name: str(value)[:200] for name, value in self.inputs.items()},
            "client_order_id": self.client_order_id,
        }

    def __str__(self) -> str:
        order = f" [{self.client_order_id}]" if self.client_order_id else ""
        return f"{self.status.name} {self.number} {self.name}{order}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True, slots=True)
class RiskReport:
    """Every check that ran, in the order of their numbers.

    Parameters
    ----------
    checks : tuple of RiskCheck
        One a check of the batch, and one a check and order where a check looks at orders one by one.
    """

    checks: tuple[RiskCheck, ...]

    @property
    def failures(self) -> tuple[RiskCheck, ...]:
        """The checks that forbid sending."""
        return tuple(check for check in self.checks if check.status is CheckStatus.FAIL)

    @property
    def warnings(self) -> tuple[RiskCheck, ...]:
        """The checks that a human should look at."""
        return tuple(check for check in self.checks if check.status is CheckStatus.WARN)

    @property
    def has_failures(self) -> bool:
        """Whether anything forbids sending."""
        return any(check.status is CheckStatus.FAIL for check in self.checks)

    @property
    def has_warnings(self) -> bool:
        """Whether anything asks for a look."""
        return any(check.status is CheckStatus.WARN for check in self.checks)

    @property
    def is_accepted(self) -> bool:
        """Whether nothing failed; an empty report accepts nothing."""
        return bool(self.checks) and not self.has_failures

    def of(self, number: int) -> tuple[RiskCheck, ...]:
        """The verdicts of one check.

        Parameters
        ----------
        number : int
            1 to 48.

        Returns
        -------
        checks : tuple of RiskCheck
            One, or one an order.
        """
        return tuple(check for check in self.checks if check.number == number)

    def of_order(self, client_order_id: str) -> tuple[RiskCheck, ...]:
        """The verdicts that concern one order: its own and those of the whole batch.

        Parameters
        ----------
        client_order_id : str
            The order.

        Returns
        -------
        checks : tuple of RiskCheck
            In the order of their numbers.
        """
        return tuple(check for check in self.checks if check.client_order_id in ("", client_order_id))

    def require(self) -> RiskReport:
        """The report itself, if nothing failed.

        Returns
        -------
        report : RiskReport
            This report.

        Raises
        ------
        RiskLimitBreached
            If a check failed or none ran; carries the report.
        """
        if self.is_accepted:
            return self
        lines = [str(check) for check in self.failures] or ["no check ran"]
        raise RiskLimitBreached("Refused by risk. " + "; ".join(lines[:5]), report=self)

    def as_rows(self) -> list[dict[str, Any]]:
        """Plain values for JSON and for the audit trail.

        Returns
        -------
        rows : list of dict
            One a check.
        """
        return [check.as_row() for check in self.checks]

"""How a check is decided: in whole numbers, and failing on everything that is not one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nanodesk.market.fixed_point import E9
from nanodesk.risk.report import ABOVE, NO_INPUTS, CheckStatus, RiskCheck

_check: Final = tuple.__new__
"""Half the time of the constructor; a batch of 500 orders makes 12,000 checks."""

OFF: Final = "no limit is set"


def passed(number: int, name: str, reason: str = "", inputs: Mapping[str, object] = NO_INPUTS) -> RiskCheck:
    """A check without a number that holds.

    Parameters
    ----------
    number, name : int, str
        The check.
    reason : str, default ""
        Why there was nothing to check.
    inputs : mapping, optional
        What was read.

    Returns
    -------
    check : RiskCheck
        PASS.
    """
    return _check(RiskCheck, (number, name, CheckStatus.PASS, None, None, reason, inputs, "", ""))


def failed(number: int, name: str, reason: str, inputs: Mapping[str, object] = NO_INPUTS) -> RiskCheck:
    """A check that does not hold.

    Parameters
    ----------
    number, name : int, str
        The check.
    reason : str
        Why.
    inputs : mapping, optional
        What was read.

    Returns
    -------
    check : RiskCheck
        FAIL.
    """
    return _check(RiskCheck, (number, name, CheckStatus.FAIL, None, None, reason, inputs, "", ""))


def warned(number: int, name: str, reason: str, inputs: Mapping[str, object] = NO_INPUTS) -> RiskCheck:
    """A check that a human should look at.

    Parameters
    ----------
    number, name : int, str
        The check.
    reason : str
        Why.
    inputs : mapping, optional
        What was read.

    Returns
    -------
    check : RiskCheck
        WARN.
    """
    return _check(RiskCheck, (number, name, CheckStatus.WARN, None, None, reason, inputs, "", ""))


def at_most(
    number: int,
    name: str,
    value_e9: int,
    limit_e9: int | None,
    inputs: Mapping[str, object] = NO_INPUTS,
    *,
    key: str = "",
    warn_at_frac_e9: int = E9,
    excuse: str = "",
) -> RiskCheck:
    """A number against its limit; equal passes.

    Parameters
    ----------
    number, name : int, str
        The check.
    value_e9 : int
        What was found; anything that is no ``int`` fails, NaN and infinity among it.
    limit_e9 : int or None
        What is allowed; ``None`` allows everything.
    inputs : mapping, optional
        What the value was computed from.
    key : str, default ""
        The limit's name in the configuration.
    warn_at_frac_e9 : int, default one
        WARN above this part of the limit.
    excuse : str, default ""
        Why a value past the limit is a warning only.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    if type(value_e9) is not int:
        return failed(number, name, f"{value_e9!r} is no whole number of billionths", inputs)
    if limit_e9 is None:
        return _check(RiskCheck, (number, name, CheckStatus.PASS, value_e9, None, OFF, inputs, key, ""))
    if type(limit_e9) is not int:
        return failed(number, name, f"limit {limit_e9!r} is no whole number of billionths", inputs)
    status, reason = CheckStatus.PASS, ""
    if value_e9 > limit_e9:
        status, reason = (CheckStatus.WARN, excuse) if excuse else (CheckStatus.FAIL, ABOVE)
    elif warn_at_frac_e9 < E9 and value_e9 * E9 > limit_e9 * warn_at_frac_e9:
        status, reason = CheckStatus.WARN, "near its limit"
    return _check(RiskCheck, (number, name, status, value_e9, limit_e9, reason, inputs, key, ""))


def count_at_most(
    number: int, name: str, count: int, limit: int, inputs: Mapping[str, object] = NO_INPUTS, *, key: str = ""
) -> RiskCheck:
    """A count against its limit; equal passes.

    Parameters
    ----------
    number, name : int, str
        The check.
    count : int
        What was found; anything that is no ``int`` fails.
    limit : int
        What is allowed.
    inputs : mapping, optional
        What was counted.
    key : str, default ""
        The limit's name in the configuration.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    if type(count) is not int:  # before it is scaled: a text times a billion is a gigabyte
        return failed(number, name, f"{str(count)[:40]!r} is no count", inputs)
    return at_most(number, name, count * E9, limit * E9, inputs, key=key)

"""Checks 32 to 34: has the desk lost enough for today?"""

from __future__ import annotations

from nanodesk.market.fixed_point import E9
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import CheckStatus, RiskCheck
from nanodesk.risk.verdict import at_most, count_at_most, failed

REDUCES = "past the limit, and every order reduces"
FLATTENS = "past the limit, and a human asked to flatten"


def loss_frac(start_e9: int, equity_e9: int) -> int:
    """Loss since a start, as a fraction of it, rounded up.

    Parameters
    ----------
    start_e9, equity_e9 : int
        Equity then and now; the start is positive.

    Returns
    -------
    fraction_e9 : int
        In billionths; zero after a gain.

    Examples
    --------
    >>> loss_frac(100, 95) == E9 // 20
    True
    """
    return max(-(-(start_e9 - equity_e9) * E9 // start_e9), 0)


def spared(proposal: Proposal, check: RiskCheck) -> RiskCheck:
    """A breaker warns where a human pulled the kill switch to flatten: it must not keep positions open.

    Parameters
    ----------
    proposal : Proposal
        The batch.
    check : RiskCheck
        As it was found.

    Returns
    -------
    check : RiskCheck
        WARN instead of FAIL for a flattening.
    """
    if check.status is CheckStatus.FAIL and proposal.is_flattening:
        return check._replace(status=CheckStatus.WARN, reason=f"{check.reason}; {FLATTENS}")
    return check


def _loss(number: int, name: str, proposal: Proposal, start: int | None, limit: int, halt: int, key: str) -> RiskCheck:
    equity = proposal.context.account.equity_e9
    inputs = {"start_e9": start, "equity_e9": equity}
    if start is None or type(start) is not int or start <= 0:
        return failed(number, name, f"the equity to compare with is {start!r}", inputs)
    if type(equity) is not int:
        return failed(number, name, f"equity_e9={equity!r} is no whole number", inputs)
    value = loss_frac(start, equity)
    excuse = FLATTENS if proposal.is_flattening else ""
    if value > halt:
        return at_most(number, name, value, halt, inputs, key=f"halt_{key}", excuse=excuse)
    if proposal.config.breach_may_be_reduced and proposal.all_reduce:
        excuse = REDUCES
    return at_most(number, name, value, limit, inputs, key=f"max_{key}", excuse=excuse)


def daily_loss(proposal: Proposal) -> RiskCheck:
    """(32) Loss since the day began.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    config, start = proposal.config, proposal.context.day_start_equity_e9
    limit, halt = config.max_daily_loss_frac_e9, config.halt_daily_loss_frac_e9
    return _loss(32, "daily loss", proposal, start, limit, halt, "daily_loss_frac")


def drawdown(proposal: Proposal) -> RiskCheck:
    """(33) Fall of equity from its high-water mark.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    config, peak = proposal.config, proposal.context.high_water_e9
    limit, halt = config.max_drawdown_frac_e9, config.halt_drawdown_frac_e9
    return _loss(33, "drawdown", proposal, peak, limit, halt, "drawdown_frac")


def breaker(proposal: Proposal) -> RiskCheck:
    """(34) Rejects in a row, and mean slippage of the last fills; a flattening goes on.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, config, flow = 34, "reject and slippage breaker", proposal.config, proposal.context.flow
    if flow is None:
        return failed(number, name, "rejects and slippage were not told")
    limit = config.max_consecutive_rejects
    rejects = count_at_most(number, name, flow.consecutive_rejects, limit, key="max_consecutive_rejects")
    if rejects.reason:
        return spared(proposal, rejects)
    value, most = flow.recent_slippage_bps_e9, config.max_recent_slippage_bps_e9
    slippage = at_most(number, name, value, most, key="max_recent_slippage_bps")
    return spared(proposal, slippage._replace(inputs={"consecutive_rejects": flow.consecutive_rejects}))

"""Lines of an account as TWS tells them."""

from __future__ import annotations

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.fixed_point import format_e9, notional_e9


def summary_values(market: PaperMarket, account_id: str) -> list[tuple[str, str, str]]:
    """Tags, values and currencies of an account.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    account_id : str
        Its name in the market.

    Returns
    -------
    rows : list of (str, str, str)
        Cash of each currency as ``CashBalance``, the rest in the reporting currency.
    """
    account = market.account(account_id)
    currency = account.currency
    gross = 0
    for held in market.positions(account_id):
        price = market.quote(held.symbol).mid_e9 or held.average_price_e9
        gross += abs(notional_e9(price, held.quantity_e9, market.rules(held.symbol).multiplier))
    amounts = {
        "NetLiquidation": account.equity_e9,
        "TotalCashValue": account.cash_e9,
        "SettledCash": account.cash_e9,
        "BuyingPower": account.buying_power_e9,
        "AvailableFunds": account.buying_power_e9,
        "ExcessLiquidity": account.buying_power_e9,
        "EquityWithLoanValue": account.equity_e9,
        "GrossPositionValue": gross,
    }
    rows = [("AccountType", "INDIVIDUAL", "")]
    rows += [(tag, format_e9(amount), currency) for tag, amount in amounts.items()]
    currencies = {market.rules(symbol).currency for symbol in market.symbols} | {currency}
    held_cash = {name: amount for name, amount in account.balances_e9.items() if name in currencies}
    rows += [("CashBalance", format_e9(amount), name) for name, amount in ({currency: 0} | held_cash).items()]
    return rows

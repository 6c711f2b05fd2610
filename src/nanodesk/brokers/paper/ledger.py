"""The ledger of the paper market: who holds how much of what, to the billionth, with nothing made or lost."""

from __future__ import annotations

from collections.abc import Mapping

from nanodesk.errors import ValidationError
from nanodesk.market.fixed_point import E9


class Ledger:
    """Amounts of every asset by account, in billionths; currencies, coins and shares alike.

    Attributes
    ----------
    amounts_e9 : dict of str to dict of str to int
        By account, then by asset. The house and the fees have accounts too, and theirs may be negative.
    supply_e9 : dict of str to int
        What was paid in less what was paid out, by asset.
    costs_e9 : dict of str to dict of str to int
        Cost of each position by account and asset; see :meth:`book_cost`.
    changed : set of (str, str), optional
        Accounts and assets whose amount changed, while somebody collects them.

    Examples
    --------
    >>> ledger = Ledger()
    >>> ledger.open("A"); ledger.open("B"); ledger.deposit("A", "USD", 100)
    >>> ledger.move("USD", 30, source="A", target="B")
    >>> ledger.amounts_e9["A"]["USD"], ledger.imbalance()
    (70, {})
    """

    def __init__(self) -> None:
        self.amounts_e9: dict[str, dict[str, int]] = {}
        self.supply_e9: dict[str, int] = {}
        self.costs_e9: dict[str, dict[str, int]] = {}
        self._reserved: dict[str, dict[str, int]] = {}
        self._covering: dict[str, dict[str, int]] = {}
        self.changed: set[tuple[str, str]] | None = None

    def open(self, account_id: str) -> None:
        """Open an account with nothing in it.

        Parameters
        ----------
        account_id : str
            Its name.

        Raises
        ------
        ValidationError
            If it exists already.
        """
        if account_id in self.amounts_e9:
            raise ValidationError(f"account_id={account_id!r} is open already.", field="account_id", value=account_id)
        for book in (self.amounts_e9, self.costs_e9, self._reserved, self._covering):
            book[account_id] = {}

    def deposit(self, account_id: str, asset: str, amount_e9: int) -> None:
        """Bring an amount in from outside, or take it out.

        Parameters
        ----------
        account_id, asset : str
            Where, and what.
        amount_e9 : int
            Billionths; negative takes out.
        """
        self._add(account_id, asset, amount_e9)
        self.supply_e9[asset] = self.supply_e9.get(asset, 0) + amount_e9

    def move(self, asset: str, amount_e9: int, *, source: str, target: str) -> None:
        """Move an amount from one account to another.

        Parameters
        ----------
        asset : str
            What.
        amount_e9 : int
            Billionths; negative moves the other way.
        source, target : str
            Accounts.
        """
        self._add(source, asset, -amount_e9)
        self._add(target, asset, amount_e9)

    def _add(self, account_id: str, asset: str, amount_e9: int) -> None:
        amounts = self.amounts_e9[account_id]
        amounts[asset] = amounts.get(asset, 0) + amount_e9
        if self.changed is not None:
            self.changed.add((account_id, asset))

    def amount(self, account_id: str, asset: str) -> int:
        """What an account holds of an asset.

        Parameters
        ----------
        account_id, asset : str
            Whose, and of what.

        Returns
        -------
        amount_e9 : int
            Signed, in billionths.
        """
        return self.amounts_e9[account_id].get(asset, 0)

    def reserved(self, account_id: str, asset: str) -> int:
        """What open orders hold back of an asset.

        Parameters
        ----------
        account_id, asset : str
            Whose, and of what.

        Returns
        -------
        amount_e9 : int
            In billionths.
        """
        return self._reserved[account_id].get(asset, 0)

    def covering(self, account_id: str, asset: str) -> int:
        """What open buy orders are there to close of a short position.

        Parameters
        ----------
        account_id, asset : str
            Whose, and of what.

        Returns
        -------
        quantity_e9 : int
            In billionths.
        """
        return self._covering[account_id].get(asset, 0)

    def reserve(self, account_id: str, asset: str, amount_e9: int) -> None:
        """Hold more back, or less.

        Parameters
        ----------
        account_id, asset : str
            Whose, and of what.
        amount_e9 : int
            Billionths; negative releases.
        """
        reserved = self._reserved[account_id]
        reserved[asset] = reserved.get(asset, 0) + amount_e9

    def cover(self, account_id: str, asset: str, quantity_e9: int) -> None:
        """Set more aside for closing a short position, or less.

        Parameters
        ----------
        account_id, asset : str
            Whose, and of what.
        quantity_e9 : int
            Billionths; negative releases.
        """
        covering = self._covering[account_id]
        covering[asset] = covering.get(asset, 0) + quantity_e9

    def book_cost(self, account_id: str, asset: str, quantity_e9: int, cash_e9: int) -> None:
        """Keep the cost of a position at average cost; call before the quantity moves.

        Parameters
        ----------
        account_id, asset : str
            Whose, and of what.
        quantity_e9 : int
            Signed quantity of the fill.
        cash_e9 : int
            Cash paid for it, negative when received.
        """
        held, costs = self.amount(account_id, asset), self.costs_e9[account_id]
        cost = costs.get(asset, 0)
        if held * quantity_e9 >= 0:
            costs[asset] = cost + cash_e9
        elif abs(quantity_e9) <= abs(held):
            costs[asset] = cost - cost * abs(quantity_e9) // abs(held)
        else:
            costs[asset] = cash_e9 * (abs(quantity_e9) - abs(held)) // abs(quantity_e9)

    def average_price(self, account_id: str, asset: str, multiplier: int = 1) -> int:
        """Average cost of a position.

        Parameters
        ----------
        account_id, asset : str
            Whose, and of what.
        multiplier : int, default 1
            Cash per point and contract.

        Returns
        -------
        price_e9 : int
            Billionths of the currency; 0 without a position or for a deposit.
        """
        held = self.amount(account_id, asset)
        return self.costs_e9[account_id].get(asset, 0) * E9 // (held * multiplier) if held else 0

    def holdings(self, account_id: str) -> Mapping[str, int]:
        """Amounts of an account that are not zero, sorted by asset.

        Parameters
        ----------
        account_id : str
            Whose.

        Returns
        -------
        amounts_e9 : mapping of str to int
            In billionths.
        """
        return {asset: amount for asset, amount in sorted(self.amounts_e9[account_id].items()) if amount}

    def imbalance(self) -> dict[str, int]:
        """What is in the accounts beyond what was paid in, by asset; empty unless the ledger is broken.

        Returns
        -------
        difference_e9 : dict of str to int
            In billionths, only assets that differ.
        """
        totals = {asset: -amount for asset, amount in self.supply_e9.items()}
        for amounts in self.amounts_e9.values():
            for asset, amount in amounts.items():
                totals[asset] = totals.get(asset, 0) + amount
        return {asset: total for asset, total in sorted(totals.items()) if total}

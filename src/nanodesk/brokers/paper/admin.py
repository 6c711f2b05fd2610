"""What only the venue itself can do to a paper market: bust, correct, deposit, split, rename."""

from __future__ import annotations

from dataclasses import replace

from nanodesk.brokers.paper.listing import Listing
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import FEES, HOUSE, EventKind, PaperExecution, PaperOrder
from nanodesk.errors import ValidationError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import notional_e9
from nanodesk.market.order import ExecutionKind, OrderState


def deposit(market: PaperMarket, account_id: str, asset: str, amount_e9: int) -> None:
    """Bring money, coins or shares into an account, or take them out.

    Parameters
    ----------
    market : PaperMarket
        Which.
    account_id, asset : str
        Where, and what: a currency, a coin, or the symbol of a share.
    amount_e9 : int
        In billionths; negative takes out.
    """
    market.currency(account_id)
    market.ledger.deposit(account_id, asset, amount_e9)
    balances = {asset: market.ledger.amount(account_id, asset)}
    market.feed.emit(EventKind.BALANCE, account_id, market.now_ns(), balances_e9=balances)


def bust(market: PaperMarket, execution_number: int) -> tuple[PaperExecution, ...]:
    """Undo a trade: both sides get back what they gave, fees included; the orders do not come back to life.

    Parameters
    ----------
    market : PaperMarket
        Which.
    execution_number : int
        Either side of the trade.

    Returns
    -------
    executions : tuple of PaperExecution
        The busted sides, one or two.

    Raises
    ------
    ValidationError
        If there is no such execution, or it is busted already.
    """
    sides = _sides(market, execution_number)
    busted = tuple(replace(one, kind=ExecutionKind.BUST, ts_ns=market.now_ns()) for one in sides)
    _revise(market, sides, busted, EventKind.BUST)
    return busted


def correct(
    market: PaperMarket, execution_number: int, *, price_e9: int | None = None, quantity_e9: int | None = None
) -> tuple[PaperExecution, ...]:
    """Change price or quantity of a trade on both sides; the commission stays.

    Parameters
    ----------
    market : PaperMarket
        Which.
    execution_number : int
        Either side of the trade.
    price_e9, quantity_e9 : int, optional
        What is right, on the instrument's grid.

    Returns
    -------
    executions : tuple of PaperExecution
        The corrected sides, one or two, with the same numbers and one more revision.

    Raises
    ------
    ValidationError
        If there is no such execution, it was busted, or a number is off its grid.
    """
    sides = _sides(market, execution_number)
    listing = market.listing(sides[0].symbol)
    price = sides[0].price_e9 if price_e9 is None else listing.price(listing.ticks(price_e9))
    quantity = sides[0].quantity_e9 if quantity_e9 is None else listing.quantity(listing.lots(quantity_e9))
    cash = notional_e9(price, quantity, listing.rules.multiplier)
    after = tuple(
        replace(
            one,
            price_e9=price,
            quantity_e9=quantity,
            cash_e9=cash,
            cumulative_e9=one.cumulative_e9 + quantity - one.quantity_e9,
            kind=ExecutionKind.CORRECT,
            revision=one.revision + 1,
            ts_ns=market.now_ns(),
        )
        for one in sides
    )
    _revise(market, sides, after, EventKind.CORRECT)
    return after


def _sides(market: PaperMarket, number: int) -> tuple[PaperExecution, ...]:
    executions = market.store.executions
    if not 1 <= number <= len(executions) or executions[number - 1].kind is ExecutionKind.BUST:
        raise ValidationError(
            f"execution_number={number} is no standing execution.",
            field="execution_number",
            value=number,
            allowed=f"1 to {len(executions)}, not busted",
        )
    one = executions[number - 1]
    return (one, executions[one.counter_number - 1]) if one.counter_number else (one,)


def _revise(
    market: PaperMarket, before: tuple[PaperExecution, ...], after: tuple[PaperExecution, ...], kind: EventKind
) -> None:
    listing = market.listing(before[0].symbol)
    _move(market, listing, before, sign=-1)
    if kind is EventKind.CORRECT:
        _move(market, listing, after, sign=1)
    for old, new in zip(before, after, strict=True):
        if kind is EventKind.BUST:
            market.ledger.move(old.fee_asset, old.fee_e9, source=FEES, target=old.account_id)
        market.store.put_execution(new)
        order = _recount(market, new.order_number, market.now_ns(), fee_e9=old.fee_e9 if kind is EventKind.BUST else 0)
        market.feed.emit(kind, new.account_id, new.ts_ns, order, new, previous=old)


def _move(market: PaperMarket, listing: Listing, sides: tuple[PaperExecution, ...], *, sign: int) -> None:
    one = sides[0]
    other = sides[1].account_id if len(sides) > 1 else HOUSE
    buyer, seller = (one.account_id, other) if one.side is Side.BUY else (other, one.account_id)
    quantity, cash = sign * one.quantity_e9, sign * one.cash_e9
    if buyer != seller:
        market.ledger.book_cost(buyer, listing.asset, quantity, cash)
        market.ledger.book_cost(seller, listing.asset, -quantity, -cash)
    market.ledger.move(listing.asset, quantity, source=seller, target=buyer)
    market.ledger.move(listing.rules.currency, cash, source=buyer, target=seller)


def _recount(market: PaperMarket, number: int, now_ns: int, *, fee_e9: int) -> PaperOrder:
    filled, value = market.store.standing_value(number)
    order = market.store.orders[number]
    terms = order.order
    if order.is_open:
        # What was taken back is not offered again: the quantity shrinks or grows with the fills.
        terms = replace(terms, quantity_e9=filled + order.leaves_quantity_e9)
    order = replace(
        order,
        order=terms,
        filled_quantity_e9=filled,
        filled_value=value,
        fee_e9=order.fee_e9 - fee_e9,
        updated_ns=now_ns,
    )
    market.store.put(order)
    return order


def force_fill(
    market: PaperMarket, number: int, *, quantity_e9: int | None = None, price_e9: int | None = None
) -> PaperExecution:
    """Fill an order from the house wherever the book stands: a fill that races a cancel, or comes after it.

    Parameters
    ----------
    market : PaperMarket
        Which.
    number : int
        The order, open or ended.
    quantity_e9 : int, optional
        On the lot grid; what is not filled of the order by default.
    price_e9 : int, optional
        On the tick grid; the order's limit by default, else the mark.

    Returns
    -------
    execution : PaperExecution
        The fill.

    Raises
    ------
    ValidationError
        If there is no such order, nothing of it is left, or no price is known.
    """
    order = market.store.orders.get(number)
    left = 0 if order is None else order.quantity_e9 - order.filled_quantity_e9
    if order is None or not 0 < (quantity_e9 or left) <= left:
        raise ValidationError(
            f"order {number} has {left} left to fill.", field="quantity_e9", value=quantity_e9, allowed=f"1 to {left}"
        )
    listing = market.listing(order.symbol)
    mark = listing.mark()
    price = price_e9 or order.order.limit_price_e9 or (None if mark is None else listing.rules.floor_to_tick(mark))
    if price is None:
        raise ValidationError(f"{order.symbol} has no price.", field="price_e9", value=None, fix="Give one.")
    quantity = listing.quantity(listing.lots(quantity_e9 or left))
    market.matching.force_fill(number, quantity, listing.price(listing.ticks(price)))
    return market.store.executions[-1]


def split(market: PaperMarket, symbol: str, new: int, old: int) -> None:
    """Split a share: every ``old`` become ``new``; open orders are cancelled, fractions are paid in cash.

    Parameters
    ----------
    market : PaperMarket
        Which.
    symbol : str
        A share (not a pair of coins).
    new, old : int
        Four for one is ``4, 1``; a reverse split ``1, 10``.

    Raises
    ------
    ValidationError
        If a number is below 1, or the symbol is not listed or a pair.
    """
    listing = _share(market, symbol)
    if new < 1 or old < 1:
        raise ValidationError(f"split {new}:{old} needs two numbers from 1 on.", field="new", value=new, allowed=">= 1")
    _cancel_open(market, symbol, "split")
    mark = listing.mark() or 0
    price = listing.rules.floor_to_tick(mark * old // new)
    for account_id in (*market.account_ids, HOUSE):
        _split_holding(market, listing, account_id, new, old, price)
    listing.last_price_e9 = None if listing.last_price_e9 is None else price
    if listing.quote is not None:
        market.set_quote(_split_quote(listing, listing.quote, new, old))


def _split_holding(market: PaperMarket, listing: Listing, account_id: str, new: int, old: int, price: int) -> None:
    ledger, asset = market.ledger, listing.asset
    held = ledger.amount(account_id, asset)
    exact = held * new // old
    whole = exact if account_id == HOUSE else listing.rules.floor_to_lot(exact)
    ledger.deposit(account_id, asset, whole - held)
    cash = notional_e9(price, exact - whole, listing.rules.multiplier)
    ledger.move(listing.rules.currency, cash, source=HOUSE, target=account_id)
    if held and account_id != HOUSE:
        balances = {asset: whole, listing.rules.currency: ledger.amount(account_id, listing.rules.currency)}
        market.feed.emit(EventKind.BALANCE, account_id, market.now_ns(), balances_e9=balances)


def _split_quote(listing: Listing, quote: Quote, new: int, old: int) -> Quote:
    rules = listing.rules

    def price(value: int | None) -> int | None:
        return None if value is None else max(rules.floor_to_tick(value * old // new), rules.tick_e9)

    bid, ask = price(quote.bid_e9), price(quote.ask_e9)
    if bid is not None and ask is not None and ask <= bid:
        ask = bid + rules.tick_e9
    return replace(
        quote,
        bid_e9=bid,
        ask_e9=ask,
        last_e9=price(quote.last_e9),
        bid_quantity_e9=rules.floor_to_lot(quote.bid_quantity_e9 * new // old),
        ask_quantity_e9=rules.floor_to_lot(quote.ask_quantity_e9 * new // old),
    )


def rename(market: PaperMarket, symbol: str, new_symbol: str) -> None:
    """Give a share another symbol: open orders are cancelled, holdings and quote go over, the old name is gone.

    Parameters
    ----------
    market : PaperMarket
        Which.
    symbol, new_symbol : str
        Old and new name.

    Raises
    ------
    ValidationError
        If the old name is not listed or a pair, or the new one is taken.
    """
    listing = _share(market, symbol)
    _cancel_open(market, symbol, "symbol_change")
    market.add_instrument(replace(listing.rules, symbol=new_symbol))
    for account_id in (*market.account_ids, HOUSE):
        held = market.ledger.amount(account_id, symbol)
        cost = market.ledger.costs_e9[account_id].pop(symbol, 0)
        if held or account_id == HOUSE:
            market.ledger.deposit(account_id, symbol, -held)
            market.ledger.deposit(account_id, new_symbol, held)
            market.ledger.costs_e9[account_id][new_symbol] = cost
        if held and account_id != HOUSE:
            market.feed.emit(EventKind.BALANCE, account_id, market.now_ns(), balances_e9={symbol: 0, new_symbol: held})
    market.delist(symbol)
    if listing.quote is not None:
        market.set_quote(replace(listing.quote, symbol=new_symbol))


def _share(market: PaperMarket, symbol: str) -> Listing:
    listing = market.listing(symbol)
    if listing.rules.base:
        raise ValidationError(f"{symbol} is a pair of coins, not a share.", field="symbol", value=symbol)
    return listing


def _cancel_open(market: PaperMarket, symbol: str, code: str) -> None:
    for order in market.orders(symbol=symbol, open_only=True):
        market.matching.finish(order.number, OrderState.CANCELLED, EventKind.CANCELLED, code=code)

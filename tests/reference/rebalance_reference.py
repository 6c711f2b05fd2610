"""The slow, obvious plan: exact fractions, one lot at a time, one tick at a time."""

from fractions import Fraction


def lots_toward(change, lot):
    """Whole lots of a change, counted one by one."""
    count = 0
    while (count + 1) * lot <= abs(change):
        count += 1
    return count * lot if change > 0 else -count * lot


def worst_price(is_buy, bid, ask, tick, offset):
    """The nearest grid price that reaches `offset` beyond the far side of the quote."""
    if is_buy:
        price = ask // tick * tick
        while price < ask * (1 + offset):
            price += tick
        return price
    price = (bid // tick + 1) * tick
    while price > bid * (1 - offset):
        price -= tick
    return max(price, tick)


def naive_orders(weights, held, market, equity, offset, min_trade):
    """(symbol, signed quantity, limit, closes) by symbol, without scaling to cash and without an order of sending.

    Weights, holdings and equity are `Fraction`; `market` maps a symbol to (bid, ask, tick, lot).
    """
    found = []
    for symbol in sorted(set(weights) | {name for name, quantity in held.items() if quantity}):
        bid, ask, tick, lot = market[symbol]
        middle = bid + (ask - bid) / 2
        now = held.get(symbol, Fraction(0))
        wanted = weights.get(symbol, Fraction(0)) * equity / middle
        change = lots_toward(wanted - now, lot)
        if change == 0 or (symbol in weights and abs(change) * middle < min_trade):
            continue
        closing = Fraction(0)
        while abs(closing + lot) <= min(abs(now), abs(change)) and (now > 0) != (change > 0) and now:
            closing += lot
        opening = abs(change) - closing
        if closing and opening * middle < min_trade:
            opening = Fraction(0)
        sign = 1 if change > 0 else -1
        price = worst_price(change > 0, bid, ask, tick, offset)
        further = sign * tick if closing and opening else Fraction(0)  # the opening half of a flip
        if price + further <= 0:
            further = tick
        halves = ((closing, price, True), (opening, price + further, False))
        found += [(symbol, sign * part, limit, closes) for part, limit, closes in halves if part]
    return found

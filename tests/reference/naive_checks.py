"""Which commands raise, and with what (R5, R90 to R93). Every check raises ``RefusedError`` or does nothing."""

from __future__ import annotations

import math

from reference.naive_orders import BUY, MAX, MIN, RESTING_TIFS, SELL, RefusedError, opposite
from reference.naive_state import NaiveState

TIFS = ("gtc", "ioc", "fok", "gtd", "day")
SELF_TRADE = ("off", "cancel_newest", "cancel_oldest", "cancel_both", "decrement")
METHODS = ("fixed", "percentage", "sma_abs_change", "atr", "wilder_atr")
LONGEST_PERIOD = 10_000
LARGEST_MULTIPLIER = 4 * 10**18
LARGEST_OWNER = 2**32 - 1


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_types(**values: object) -> None:
    """Each must be an integer."""
    for name, value in values.items():
        if not is_integer(value):
            raise RefusedError("TypeError", name)


def check_option_types(options: dict[str, object]) -> None:
    for name in ("display", "min_quantity", "owner", "expire_ns", "limit_price"):
        value = options.get(name)
        if value is not None and not is_integer(value):
            raise RefusedError("TypeError", name)


def check_word(name: str, word: object, words: tuple[str, ...]) -> None:
    if word not in words:
        raise RefusedError("ValidationError", name)


def check_quantity(book: NaiveState, quantity: int, name: str = "quantity") -> None:
    if not book.is_quantity(quantity):
        raise RefusedError("QuantityError", name)


def check_price(book: NaiveState, price: int, name: str = "price") -> None:
    if not book.is_price(price):
        raise RefusedError("PriceError", name)


def check_band_end(book: NaiveState, price: int, name: str) -> None:
    """R61: a multiple of the tick, of either sign."""
    if not MIN < price < MAX or price % book.tick:
        raise RefusedError("PriceError", name)


def check_side(side: object) -> None:
    check_word("side", side, (BUY, SELL))


def check_capacity(book: NaiveState, side: str, quantity: int) -> None:
    if book.committed(side) + quantity > MAX:
        raise RefusedError("QuantityError", "quantity")


def check_options(book: NaiveState, options: dict, *, tif: str, quantity: int) -> None:
    """R92, in its order."""
    owner = options.get("owner")
    if owner is not None and not 1 <= owner <= LARGEST_OWNER:
        raise RefusedError("ValidationError", "owner")
    post_only, display = options.get("post_only", False), options.get("display")
    if post_only and tif not in RESTING_TIFS:
        raise RefusedError("ValidationError", "post_only")
    if display is not None and tif not in RESTING_TIFS:
        raise RefusedError("ValidationError", "display")
    minimum = options.get("min_quantity")
    if minimum is not None:
        if minimum > quantity or not book.is_quantity(minimum):
            raise RefusedError("QuantityError", "min_quantity")
        if post_only or tif == "fok":
            raise RefusedError("ValidationError", "min_quantity")
    if display is not None and (display > quantity or not book.is_quantity(display)):
        raise RefusedError("QuantityError", "display")
    if display is not None and quantity > display * book.max_display_parts:
        raise RefusedError("QuantityError", "display")
    check_expiry(book, options.get("expire_ns"), tif)
    if options.get("reduce_only", False) and owner is None:
        raise RefusedError("ValidationError", "reduce_only")
    if options.get("self_trade", "off") != "off" and owner is None:
        raise RefusedError("ValidationError", "self_trade")


def check_expiry(book: NaiveState, expire_ns: int | None, tif: str) -> None:
    if tif == "gtd":
        if expire_ns is None or not book.clock < expire_ns <= MAX:
            raise RefusedError("ValidationError", "expire_ns")
    elif expire_ns is not None:
        raise RefusedError("ValidationError", "expire_ns")
    if tif == "day" and (book.session_close is None or book.session_close <= book.clock):
        raise RefusedError("ValidationError", "tif")


def check_submission(
    book: NaiveState,
    side: str,
    quantity: int,
    prices: dict[str, int],
    options: dict,
    *,
    tif: str,
    words: dict[str, tuple[str, tuple[str, ...]]] | None = None,
    tifs: tuple[str, ...] = TIFS,
) -> None:
    """Types, words, quantity, prices, options of any submission (R90), all but capacity."""
    check_types(quantity=quantity, **prices)
    check_option_types(options)
    check_side(side)
    for name, (word, allowed) in (words or {}).items():
        check_word(name, word, allowed)
    check_word("tif", tif, tifs)
    check_word("self_trade", options.get("self_trade", "off"), SELF_TRADE)
    check_quantity(book, quantity)
    for name, price in prices.items():
        check_price(book, price, name)
    if not MIN <= options.get("offset", 0) <= MAX:
        raise RefusedError("PriceError", "offset")
    if options.get("limit_price") is not None:
        check_price(book, options["limit_price"], "limit_price")
    check_options(book, options, tif=tif, quantity=quantity)


def check_trail_types(method: object, value: object, period: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RefusedError("TypeError", "value")
    if method not in ("fixed", "percentage") and period is not None and not is_integer(period):
        raise RefusedError("TypeError", "period")


def check_trail(method: str, value: float, period: int | None) -> None:
    """R39."""
    largest = {"fixed": MAX, "percentage": 1}.get(method, LARGEST_MULTIPLIER)
    smallest = 1 if method == "fixed" else 0
    if math.isnan(value) or value <= 0 or not smallest <= value <= largest:
        raise RefusedError("ValidationError", "value")
    if method not in ("fixed", "percentage") and (period is None or not 1 <= period <= LONGEST_PERIOD):
        raise RefusedError("ValidationError", "period")


def check_bracket(side: str, price: int, take_profit: int, stop_loss: int) -> None:
    """The legs lie on either side of the parent's price (R50)."""
    low, high = (stop_loss, take_profit) if side == BUY else (take_profit, stop_loss)
    if not low < price < high:
        raise RefusedError("PriceError", "take_profit" if (take_profit <= price) == (side == BUY) else "stop_loss")


def check_bracket_capacity(book: NaiveState, side: str, quantity: int) -> None:
    check_capacity(book, side, quantity)
    check_capacity(book, opposite(side), 2 * quantity)

"""A market maker compiled by Numba that trades through the exchange's C-level door, without Python objects.

Needs ``pip install numba``. ``python examples/numba_strategy.py`` runs it and checks it against the same strategy in
plain Python.
"""

import ctypes
import time

import numba
import numpy as np
from numba.extending import get_cython_function_address

from nanodesk import Exchange

INT, ADDRESS = ctypes.c_int64, ctypes.c_size_t
DOOR = "nanodesk.book.kernels.door"
BUY, SELL = 0, 1
GTC, IOC = 0, 1


def door(name, *arguments):
    return ctypes.CFUNCTYPE(INT, ADDRESS, *arguments)(get_cython_function_address(DOOR, name))


submit = door("door_submit", INT, INT, INT, INT, ctypes.c_void_p)
cancel = door("door_cancel", INT)
best = door("door_best", INT)


@numba.njit(nogil=True)
def quote(book, steps, answer):
    """Keep a bid and an ask around a price that walks; every third step somebody takes. What was taken from us."""
    price, taken, state = 10_000, 0, 1
    bid = ask = 0
    for step in range(steps):
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
        price += state // 65_536 % 3 - 1
        if bid > 0:
            cancel(book, bid)
            cancel(book, ask)
        bid = submit(book, BUY, price - 1, 10, GTC, answer.ctypes)
        ask = submit(book, SELL, price + 1, 10, GTC, answer.ctypes)
        if step % 3 == 0:
            submit(book, state // 131_072 % 2, best(book, 1 - state // 131_072 % 2), 4, IOC, answer.ctypes)
            taken += answer[0]
    return taken


def quote_in_python(exchange, steps):
    """The same strategy through the methods."""
    price, taken, state = 10_000, 0, 1
    bid = ask = 0
    for step in range(steps):
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
        price += state // 65_536 % 3 - 1
        if bid > 0:
            exchange.cancel(bid)
            exchange.cancel(ask)
        bid = exchange.submit_limit("buy", price - 1, 10).order_id
        ask = exchange.submit_limit("sell", price + 1, 10).order_id
        if step % 3 == 0:
            side = ("buy", "sell")[state // 131_072 % 2]
            at = exchange.best_ask() if side == "buy" else exchange.best_bid()
            taken += exchange.submit_limit(side, at, 4, "ioc").filled_quantity
    return taken


def main(steps=200_000):
    trial, compiled, plain, answer = Exchange(), Exchange(), Exchange(), np.zeros(6, np.int64)
    quote(trial.address(), 1, answer)  # compiles; an address is valid while its exchange lives
    start = time.perf_counter()
    taken = quote(compiled.address(), steps, answer)
    middle = time.perf_counter()
    assert taken == quote_in_python(plain, steps)
    end = time.perf_counter()
    assert compiled.state_hash() == plain.state_hash()
    assert compiled.event_count() == plain.event_count() == compiled.replayed().event_count()
    commands = compiled.event_count()
    print(f"{commands:,} commands, {taken:,} taken, equal state hash")
    numba_ns, python_ns = (middle - start) * 1e9 / commands, (end - middle) * 1e9 / commands
    print(f"Numba {numba_ns:.0f} ns a command, Python {python_ns:.0f} ns")


if __name__ == "__main__":
    main()

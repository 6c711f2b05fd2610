"""The loop of the weights backtest."""

import cython


@cython.ccall
@cython.nogil
@cython.exceptval(-1)
def probe(x: cython.longlong) -> cython.longlong:
    """The number itself."""
    return x

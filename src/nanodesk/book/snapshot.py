"""Depth of a book at one moment, as objects and as NumPy arrays over the same memory."""

from typing import NamedTuple

import cython
from cython.cimports.cpython.buffer import PyBuffer_FillInfo
from cython.cimports.cpython.object import PyObject
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.nanodesk.book.kernels.ladder import Ladder
from cython.cimports.nanodesk.book.kernels.ladder import Level as LevelRecord
from numpy import dtype, ndarray

from nanodesk.errors import QuantityError
from nanodesk.market.enums import Side

_ARRAY = cython.declare(object, ndarray)
_INT64 = cython.declare(object, dtype("i8"))
_ROW = cython.declare(int64_t, 3)
# Rows that a snapshot has room for by itself: ten levels of both sides, and one.
_SMALL = cython.declare(int64_t, 22)


class Level(NamedTuple):
    """One price of one side.

    Parameters
    ----------
    price : int
        Price of the level.
    quantity : int
        Visible quantity.
    order_count : int
        Orders that rest there.
    """

    price: int
    quantity: int
    order_count: int


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _copy(s: cython.pointer(Ladder), levels: int64_t, row: cython.pointer(int64_t)) -> int64_t:
    """Write the best levels as rows of price, quantity, count; how many."""
    index: uint32_t = s.best
    level: cython.pointer(LevelRecord)
    n: int64_t = 0
    while index != 0 and n < levels:
        level = cython.address(s.levels[index])
        row[0] = level.price
        row[1] = level.visible
        row[2] = level.count
        row += 3
        n += 1
        index = level.worse
    return n


@cython.final
@cython.no_gc
@cython.freelist(16)
@cython.cclass
class Rows:
    """Memory of a snapshot, which its arrays share: it lives as long as any of them."""

    def __cinit__(self):
        self.data = self.small

    def __dealloc__(self):
        if self.data != self.small:
            free(self.data)

    def __getbuffer__(self, buffer: cython.pointer(Py_buffer), flags: cython.int):
        PyBuffer_FillInfo(buffer, self, self.data, self.n * 24, 1, flags)

    def __releasebuffer__(self, buffer: cython.pointer(Py_buffer)):
        pass


@cython.final
@cython.no_gc
@cython.freelist(16)
@cython.cclass
class BookSnapshot:
    """The best levels of both sides, bids from high to low, asks from low to high.

    Attributes
    ----------
    timestamp : int
        Logical time of the book: the last timestamp that was used.

    Notes
    -----
    Every measure covers the levels in the snapshot. A measure is None where a side that it needs is empty.
    """

    def __cinit__(self):
        self.rows = Rows.__new__(Rows)
        self.data = self.rows.data

    def _fill(self, b, levels):
        held: int64_t = min(levels, cython.cast(int64_t, b.ladders[0].active))
        held += min(levels, cython.cast(int64_t, b.ladders[1].active))
        if held > _SMALL:
            self.data = cython.cast(cython.pointer(int64_t), malloc(held * _ROW * cython.sizeof(int64_t)))
            if self.data == cython.NULL:
                self.data = self.rows.data
                raise MemoryError
            self.rows.data = self.data
        self.n_bids = _copy(cython.address(b.ladders[0]), levels, self.data)
        self.n_asks = _copy(cython.address(b.ladders[1]), levels, self.data + _ROW * self.n_bids)
        self.rows.n = self.n_bids + self.n_asks
        self.timestamp = b.next_timestamp - 1
        return 0

    def _is_ours(self, array, n):
        """Whether nobody else holds an array of this snapshot, and it is as it was made."""
        rows: cython.pointer(PyObject) = cython.cast(cython.pointer(PyObject), self.rows)
        return nd_references(array, 1) and nd_is_rows(array, n, rows, cython.cast(cython.pointer(PyObject), _INT64))

    def _refill(self, b, levels):
        """Fill anew a snapshot that only its exchange holds; False if an array of it is still in use."""
        holders: cython.int = 1 + (self.bid_view is not None) + (self.ask_view is not None)
        n_bids: int64_t = self.n_bids
        n_asks: int64_t = self.n_asks
        if (
            levels > _SMALL // 2
            or self.data != self.rows.small
            or not nd_references(cython.cast(cython.pointer(PyObject), self.rows), holders)
            or (
                self.bid_view is not None
                and not self._is_ours(cython.cast(cython.pointer(PyObject), self.bid_view), n_bids)
            )
            or (
                self.ask_view is not None
                and not self._is_ours(cython.cast(cython.pointer(PyObject), self.ask_view), n_asks)
            )
        ):
            return False
        self._fill(b, levels)
        if self.n_bids != n_bids:
            self.bid_view = None
        if self.n_bids != n_bids or self.n_asks != n_asks:
            self.ask_view = None
        return True

    def __getbuffer__(self, buffer: cython.pointer(Py_buffer), flags: cython.int):
        PyBuffer_FillInfo(buffer, self, self.data, self.rows.n * 24, 1, flags)

    def __releasebuffer__(self, buffer: cython.pointer(Py_buffer)):
        pass

    def _rows(self, first, n):
        rows: list = []
        i: int64_t
        for i in range(first, first + n):
            rows.append(Level(self.data[3 * i], self.data[3 * i + 1], self.data[3 * i + 2]))
        return rows

    @property
    def bids(self):
        """Bid levels, highest first."""
        return self._rows(0, self.n_bids)

    @property
    def asks(self):
        """Ask levels, lowest first."""
        return self._rows(self.n_bids, self.n_asks)

    @property
    def bid_array(self):
        """Bids as a read-only int64 array of shape (n_bids, 3): price, quantity, order count. No copy."""
        if self.bid_view is None:
            self.bid_view = self._array(0, self.n_bids)
        return self.bid_view

    @property
    def ask_array(self):
        """Asks as a read-only int64 array of shape (n_asks, 3): price, quantity, order count. No copy."""
        if self.ask_view is None:
            self.ask_view = self._array(self.n_bids, self.n_asks)
        return self.ask_view

    def _array(self, first, n):
        return _ARRAY((n, 3), dtype=_INT64, buffer=self.rows, offset=24 * first)

    @property
    def best_bid(self):
        """Highest bid, or None."""
        return self.data[0] if self.n_bids else None

    @property
    def best_ask(self):
        """Lowest ask, or None."""
        return self.data[3 * self.n_bids] if self.n_asks else None

    @property
    def spread(self):
        """Best ask less best bid, or None."""
        if not self.n_bids or not self.n_asks:
            return None
        return self.best_ask - self.best_bid

    @property
    def mid_price(self):
        """Half way between the best prices, or None."""
        if not self.n_bids or not self.n_asks:
            return None
        return (self.best_bid + self.best_ask) / 2

    @property
    def total_bid_quantity(self):
        """Visible quantity of the bids in the snapshot."""
        return self._total(0, self.n_bids)

    @property
    def total_ask_quantity(self):
        """Visible quantity of the asks in the snapshot."""
        return self._total(self.n_bids, self.n_asks)

    def _total(self, first, n):
        i: int64_t
        total: int64_t = 0
        for i in range(first, first + n):
            total += self.data[3 * i + 1]
        return total

    @property
    def imbalance(self):
        """Bid less ask quantity over their sum, in [-1, 1]; None if both sides are empty."""
        bids = self.total_bid_quantity
        asks = self.total_ask_quantity
        return (bids - asks) / (bids + asks) if bids + asks else None

    @property
    def weighted_mid(self):
        """Best prices weighted by the other side's best quantity, or None."""
        if not self.n_bids or not self.n_asks:
            return None
        bid_quantity = self.data[1]
        ask_quantity = self.data[3 * self.n_bids + 1]
        bid: object = self.best_bid
        ask: object = self.best_ask
        wide: object = bid_quantity
        return (bid * ask_quantity + ask * wide) / (wide + ask_quantity)

    def vwap(self, side, quantity):
        """Average price of an order that takes a quantity from the snapshot, each level at its price.

        Parameters
        ----------
        side : Side or str
            Of the order that takes: "buy" from the asks, "sell" from the bids.
        quantity : int
            How much.

        Returns
        -------
        price : float or None
            None if the snapshot holds less than that on the other side.

        Raises
        ------
        QuantityError
            If the quantity is not positive.
        """
        if quantity <= 0:
            raise QuantityError(
                f"quantity={quantity} must be positive.", field="quantity", value=quantity, allowed="1 and more"
            )
        rows = self.asks if Side.parse(side) is Side.BUY else self.bids
        left: object = quantity
        value: object = 0
        for level in rows:
            taken: object = min(left, level.quantity)
            value += taken * level.price
            left -= taken
            if left == 0:
                return value / quantity
        return None

    def __eq__(self, other):
        return isinstance(other, BookSnapshot) and self.bids == other.bids and self.asks == other.asks

    def __hash__(self):
        return hash((tuple(self.bids), tuple(self.asks)))

    def __repr__(self):
        return f"BookSnapshot(bids={self.n_bids}, asks={self.n_asks})"

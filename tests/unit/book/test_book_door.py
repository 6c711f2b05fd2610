"""The C-level door, called by address as Numba does."""

from __future__ import annotations

import ctypes

import pytest

from nanodesk.book.exchange import Exchange

INT = ctypes.c_int64
POINTER = ctypes.POINTER(INT)


def function(name: str, *arguments: type):
    module = pytest.importorskip("nanodesk.book.kernels.door")
    capsule = module.__pyx_capi__[name]
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.CFUNCTYPE(INT, ctypes.c_size_t, *arguments)(get_pointer(capsule, get_name(capsule)))


class TestDoor:
    def test_same_book_as_from_python(self):
        exchange, twin = Exchange(), Exchange()
        book = exchange.address()
        submit = function("door_submit", INT, INT, INT, INT, POINTER)
        answer = (INT * 6)()
        assert submit(book, 1, 100, 5, 0, answer) == twin.submit_limit("sell", 100, 5).order_id
        assert submit(book, 0, 100, 2, 1, answer) == twin.submit_limit("buy", 100, 2, "ioc").order_id
        assert list(answer) == [2, 0, 0, 1, 1, 0]
        assert function("door_modify", INT, INT, INT, POINTER)(book, 1, 101, 4, None) == 3
        twin.modify(1, 101, 4)
        assert function("door_best", INT)(book, 1) == 101
        assert function("door_best", INT)(book, 0) == -(2**63)
        rows = (INT * 6)()
        assert function("door_depth", INT, INT, POINTER)(book, 1, 2, rows) == 1
        assert list(rows)[:3] == [101, 4, 1]
        assert function("door_cancel", INT)(book, 3) == 4
        twin.cancel(3)
        assert exchange.state_hash() == twin.state_hash()
        assert exchange.events() == twin.events()

    def test_bad_arguments_are_answers(self):
        exchange = Exchange()
        book = exchange.address()
        submit = function("door_submit", INT, INT, INT, INT, POINTER)
        assert submit(book, 2, 100, 5, 0, None) == -101
        assert submit(book, 0, 100, 5, 3, None) == -102
        assert submit(book, 0, 100, 0, 0, None) == -103
        assert submit(book, 0, 0, 5, 0, None) == -104
        assert function("door_cancel", INT)(book, 7) == -1
        assert function("door_modify", INT, INT, INT, POINTER)(book, 7, 1, 1, None) == -1
        assert exchange.best_bid_ask() == (None, None)

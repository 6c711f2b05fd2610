"""A small language for conditions on columns, such as ``vol_63 > 0.8 or not (close >= 5)``.

::

    condition  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation   = "not" negation | comparison
    comparison = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
    sum        = product { ("+" | "-") product }
    product    = factor { ("*" | "/") factor }
    factor     = "-" factor | number | column | "(" condition ")"

Nothing is ever evaluated as Python. Length and nesting are bounded. A comparison with a missing value is neither true
nor false, and stays unknown through ``not``, ``and`` and ``or`` where the other side does not settle it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from nanodesk.errors import ValidationError
from nanodesk.market.arrays import BoolArray, FloatArray

Columns = Mapping[str, FloatArray]

MAX_LENGTH = 500
MAX_DEPTH = 32

_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(<=|>=|==|!=|[-+*/()<>]))"
)
_COMPARE: dict[str, Callable[[FloatArray, FloatArray], BoolArray]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_ARITHMETIC: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True, slots=True)
class _Value:
    """A number per cell."""

    evaluate: Callable[[Columns], FloatArray]


@dataclass(frozen=True, slots=True)
class _Truth:
    """Two facts per cell: surely true, surely false."""

    evaluate: Callable[[Columns], tuple[BoolArray, BoolArray]]


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition.

    Parameters
    ----------
    text : str
        As written.
    columns : tuple of str
        Columns it reads, sorted.
    """

    text: str
    columns: tuple[str, ...]
    _truth: _Truth

    def holds(self, columns: Columns) -> BoolArray:
        """Where the condition is surely true.

        Parameters
        ----------
        columns : mapping of str to ndarray of float64, shape (n_rows, n_symbols)
            At least `columns`.

        Returns
        -------
        true : ndarray of bool, shape (n_rows, n_symbols)
            False where it is false or unknown.
        """
        with np.errstate(all="ignore"):
            return self._truth.evaluate(columns)[0]


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Parameters
    ----------
    text : str
        At most 500 characters, nested at most 32 deep, naming at least one column.

    Returns
    -------
    condition : Condition
        Ready to be asked.

    Raises
    ------
    ValidationError
        If the text is no condition; the message gives the position.

    Examples
    --------
    >>> condition = parse_condition("price < 5 or volume * price < 1e6")
    >>> condition.columns
    ('price', 'volume')
    >>> condition.holds({"price": np.array([[4.0, 9.0]]), "volume": np.array([[1e6, 1e6]])})
    array([[ True, False]])
    """
    if len(text) > MAX_LENGTH:
        _fail(text[:40] + "...", f"has {len(text)} characters, at most {MAX_LENGTH} are read")
    parser = _Parser(text)
    truth = parser.condition()
    if parser.at < len(parser.tokens):
        parser.fail("an operator or the end")
    if not isinstance(truth, _Truth):
        _fail(text, "gives a number, not a condition; compare it with something")
    if not parser.columns:
        _fail(text, "reads no column")
    return Condition(text, tuple(sorted(parser.columns)), truth)


def _fail(text: str, why: str) -> NoReturn:
    raise ValidationError(
        f"condition {text!r} {why}.",
        field="expression",
        value=text,
        allowed="columns, numbers, + - * / ( ), < <= > >= == !=, and, or, not",
    )


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0
        self.columns: set[str] = set()

    def condition(self) -> _Value | _Truth:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _fail(self.text, f"is nested more than {MAX_DEPTH} deep")
        left = self._conjunction()
        while self._take("or"):
            left = _either(self._truth(left), self._truth(self._conjunction()))
        self.depth -= 1
        return left

    def _conjunction(self) -> _Value | _Truth:
        left = self._negation()
        while self._take("and"):
            left = _both(self._truth(left), self._truth(self._negation()))
        return left

    def _negation(self) -> _Value | _Truth:
        times = 0
        while self._take("not"):
            times += 1
        inner = self._comparison()
        for _ in range(times):
            inner = _opposite(self._truth(inner))
        return inner

    def _comparison(self) -> _Value | _Truth:
        left = self._sum()
        sign = self._take(*_COMPARE)
        if sign is None:
            return left
        compared = _compared(_COMPARE[sign], self._number(left), self._number(self._sum()))
        if self._peek() in _COMPARE:
            self.fail("'and' between two comparisons")
        return compared

    def _sum(self) -> _Value | _Truth:
        left = self._product()
        while sign := self._take("+", "-"):
            left = _combined(_ARITHMETIC[sign], self._number(left), self._number(self._product()))
        return left

    def _product(self) -> _Value | _Truth:
        left = self._factor()
        while sign := self._take("*", "/"):
            left = _combined(_ARITHMETIC[sign], self._number(left), self._number(self._factor()))
        return left

    def _factor(self) -> _Value | _Truth:
        negative = False
        while self._take("-"):
            negative = not negative
        atom = self._atom()
        return _negative(self._number(atom)) if negative else atom

    def _atom(self) -> _Value | _Truth:
        if self._take("("):
            inner = self.condition()
            if not self._take(")"):
                self.fail("')'")
            return inner
        token = self._peek()
        if token is None or token in _KEYWORDS or not (token[0].isalnum() or token[0] in "._"):
            self.fail("a column, a number or '('")
        self.at += 1
        if token[0].isdigit() or token[0] == ".":
            return _constant(float(token))
        self.columns.add(token)
        return _Value(lambda columns: columns[token])

    def _peek(self) -> str | None:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else None

    def _take(self, *wanted: str) -> str | None:
        token = self._peek()
        if token in wanted:
            self.at += 1
            return token
        return None

    def _truth(self, node: _Value | _Truth) -> _Truth:
        if isinstance(node, _Truth):
            return node
        _fail(self.text, "joins a number with 'and', 'or' or 'not'; compare it with something first")

    def _number(self, node: _Value | _Truth) -> _Value:
        if isinstance(node, _Value):
            return node
        _fail(self.text, "uses a condition as a number")

    def fail(self, wanted: str) -> NoReturn:
        if self.at < len(self.tokens):
            token, position = self.tokens[self.at]
            _fail(self.text, f"has {token!r} at position {position + 1} where {wanted} is expected")
        _fail(self.text, f"ends where {wanted} is expected")


_KEYWORDS = ("and", "or", "not")


def _tokens(text: str) -> list[tuple[str, int]]:
    found = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            _fail(text, f"has {text[at]!r} at position {at + 1}, which is no part of the language")
        found.append((match[match.lastindex or 0], match.start(match.lastindex or 0)))
        at = match.end()
    return found


def _constant(number: float) -> _Value:
    return _Value(lambda _: np.asarray(number))


def _negative(inner: _Value) -> _Value:
    return _Value(lambda columns: -inner.evaluate(columns))


def _combined(apply: Callable[[FloatArray, FloatArray], FloatArray], left: _Value, right: _Value) -> _Value:
    return _Value(lambda columns: apply(left.evaluate(columns), right.evaluate(columns)))


def _compared(apply: Callable[[FloatArray, FloatArray], BoolArray], left: _Value, right: _Value) -> _Truth:
    def evaluate(columns: Columns) -> tuple[BoolArray, BoolArray]:
        a, b = left.evaluate(columns), right.evaluate(columns)
        known = np.isfinite(a) & np.isfinite(b)
        true = apply(a, b)
        return known & true, known & ~true

    return _Truth(evaluate)


def _either(left: _Truth, right: _Truth) -> _Truth:
    def evaluate(columns: Columns) -> tuple[BoolArray, BoolArray]:
        (a, not_a), (b, not_b) = left.evaluate(columns), right.evaluate(columns)
        return a | b, not_a & not_b

    return _Truth(evaluate)


def _both(left: _Truth, right: _Truth) -> _Truth:
    def evaluate(columns: Columns) -> tuple[BoolArray, BoolArray]:
        (a, not_a), (b, not_b) = left.evaluate(columns), right.evaluate(columns)
        return a & b, not_a | not_b

    return _Truth(evaluate)


def _opposite(inner: _Truth) -> _Truth:
    def evaluate(columns: Columns) -> tuple[BoolArray, BoolArray]:
        true, false = inner.evaluate(columns)
        return false, true

    return _Truth(evaluate)

"""The published risk engine: a few limits, checked in the published order and told in the published words.

It answers as published, blind spots included: a holding that no order prices counts as zero, and an equity of zero
passes a single order. :class:`nanodesk.risk.engine.RiskEngine` has neither; use it for anything that trades.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from nanodesk.compat import published_arguments as arguments

Check = dict[str, str]


class _BatchOrder(NamedTuple):
    symbol: str
    side: str
    quantity: int
    price: int

    @property
    def value(self) -> int:
        return self.quantity * self.price


def _or_objects(check: Callable[..., list[Check]]) -> Callable[..., list[Check]]:
    """Also take ``(order, account)`` or ``(order, account, positions)``, as the vision page writes it."""

    @functools.wraps(check)
    def check_order(self: RiskEngine, *given: Any, **named: Any) -> list[Check]:
        if not given or isinstance(given[0], str) or not hasattr(given[0], "symbol"):
            return check(self, *given, **named)
        return _check_objects(functools.partial(check, self), *given, **named)

    return check_order


def _check_objects(
    check: Callable[..., list[Check]], order: Any, account: Any = None, positions: Any = None
) -> list[Check]:
    if isinstance(account, Mapping):
        equity, held = account.get("equity_cents"), account.get("positions")
    else:
        equity, held = getattr(account, "equity_cents", None), getattr(account, "positions", None)
    if equity is None:
        raise TypeError("check_order(order, account): account must have equity_cents, as broker.account() has")
    price = getattr(order, "limit_price_cents", None)
    if price is None:
        raise ValueError(
            "check_order(order, account): an order without limit_price_cents has no value to check; write"
            " check_order(symbol, side, quantity, price_cents, equity_cents, positions) with the price of a quote"
        )
    told = positions if positions is not None else held
    rows = [(row["symbol"], row["quantity"]) if isinstance(row, Mapping) else row for row in told or ()]
    checks = check(order.symbol, order.side, order.quantity, price, equity, rows)
    if told is not None:
        return checks
    # What is held was not told: the position after the order is not known.
    hint = "; holdings not given, write check_order(order, account, broker.positions())"
    return [
        {**row, "status": max(row["status"], "WARN", key=_SEVERITY.index), "detail": row["detail"] + hint}
        if row["name"] == "Max position"
        else row
        for row in checks
    ]


_SEVERITY = ("PASS", "WARN", "FAIL")


class RiskEngine:
    """Limits for single orders and for batches.

    Parameters
    ----------
    max_position_pct : float, default 0.25
        Fraction, not percent: largest position over equity, in (0, 1].
    max_leverage : float, default 1.5
        Gross over equity, at least 1.
    max_drawdown_pct : float, default 0.2
        Fraction, not percent, in [0, 1]; accepted and never used, as published.
    allow_short : bool, default True
        Whether a position may go below zero.
    max_short_pct : float, default 0.3
        Fraction, not percent: sum of shorts over equity.
    max_trade_usd : float, default 100000.0
        Value in dollars above which an order is a warning.
    max_order_value_cents, max_batch_value_cents : int, default 10000000, 100000000
        Value above which an order or a batch fails; 0 turns the limit off.

    Raises
    ------
    ValueError
        If a limit is outside its range.

    Examples
    --------
    >>> engine = RiskEngine(max_position_pct=0.25, max_leverage=1.5)
    >>> checks = engine.check_order("AAPL", "buy", 100, 185_00, equity_cents=1_000_000_00, positions=[("AAPL", 200)])
    >>> [(check["name"], check["status"]) for check in checks]
    [('Max order value', 'PASS'), ('Max position', 'PASS'), ('Order size', 'PASS')]
    """

    __slots__ = (
        "_allow_short",
        "_max_batch_value",
        "_max_leverage",
        "_max_order_value",
        "_max_position",
        "_max_short",
        "_max_trade",
    )

    def __init__(
        self,
        max_position_pct: Any = 0.25,
        max_leverage: Any = 1.5,
        max_drawdown_pct: Any = 0.2,
        allow_short: Any = True,
        max_short_pct: Any = 0.3,
        max_trade_usd: Any = 100000.0,
        max_order_value_cents: Any = 10000000,
        max_batch_value_cents: Any = 100000000,
    ) -> None:
        self._max_position = arguments.real(max_position_pct, "max_position_pct")
        self._max_leverage = arguments.real(max_leverage, "max_leverage")
        max_drawdown = arguments.real(max_drawdown_pct, "max_drawdown_pct")
        if not isinstance(allow_short, bool):
            raise TypeError(f"argument 'allow_short': '{type(allow_short).__name__}' object cannot be cast as 'bool'")
        self._allow_short = allow_short
        self._max_short = arguments.real(max_short_pct, "max_short_pct")
        self._max_trade = arguments.real(max_trade_usd, "max_trade_usd")
        self._max_order_value = arguments.integer(max_order_value_cents, "max_order_value_cents")
        self._max_batch_value = arguments.integer(max_batch_value_cents, "max_batch_value_cents")
        _require("max_position_pct", self._max_position, 0.0 < self._max_position <= 1.0, "in (0, 1]")
        leverage_is_sound = math.isfinite(self._max_leverage) and self._max_leverage >= 1.0
        _require("max_leverage", self._max_leverage, leverage_is_sound, ">= 1.0 and finite")
        _require("max_drawdown_pct", max_drawdown, 0.0 <= max_drawdown <= 1.0, "in [0, 1]")
        for name, amount in (("max_short_pct", self._max_short), ("max_trade_usd", self._max_trade)):
            _require(name, amount, math.isfinite(amount) and amount >= 0.0, ">= 0 and finite")
        _require("max_order_value_cents", self._max_order_value, self._max_order_value >= 0, ">= 0")
        _require("max_batch_value_cents", self._max_batch_value, self._max_batch_value >= 0, ">= 0")

    @_or_objects
    def check_order(
        self, symbol: Any, side: Any, quantity: Any, price_cents: Any, equity_cents: Any, positions: Any
    ) -> list[Check]:
        """Checks of one order; ``check_order(order, account, positions)`` takes objects of a broker instead.

        Parameters
        ----------
        symbol : str
            Name, at most eight bytes; or an ``Order`` with a limit price, and behind it ``broker.account()`` and
            ``broker.positions()``.
        side : str
            ``"buy"`` or ``"sell"``.
        quantity, price_cents : int
            Shares and price.
        equity_cents : int
            Equity of the account; zero or less counts every position as 0 %, as published.
        positions : list of tuple
            ``(symbol, quantity)`` of what is held; of two entries of a symbol the first counts.

        Returns
        -------
        checks : list of dict
            ``name``, ``status`` (PASS, WARN or FAIL) and ``detail``.

        Raises
        ------
        TypeError, OverflowError, ValueError
            If an argument has the wrong type, range or word.
        """
        order = _order((symbol, side, quantity, price_cents), ("symbol", "quantity", "price_cents"))
        equity = arguments.integer(equity_cents, "equity_cents")
        held = dict(reversed(arguments.pairs(positions, "positions", arguments.integer)))
        after = held.get(order.symbol, 0) + _signed(order)
        weight = _ratio(abs(after) * order.price, equity, empty=0.0)
        cap = self._max_order_value
        broken = 0 < cap < order.value
        dollars, name = order.value / 100, order.symbol
        sign = _sign(dollars > self._max_trade)
        checks = [
            _check("Max order value", broken, f"${dollars:.0f} {_sign(broken)} ${cap / 100:.0f} max_order_value_cents"),
            self._position_check(name, weight),
            _check("Order size", False, f"${dollars:.2f} {sign} ${self._max_trade:.2f} max", sign == ">"),
        ]
        if order.side == "sell" and after < 0 and not self._allow_short:
            checks.append(_check("Short selling", True, "short selling not allowed"))
        return checks

    def check_batch(self, orders: Any, equity_cents: Any, positions: Any, target_weights: Any) -> list[Check]:
        """Checks of a rebalance; prices come only from the orders, as published.

        Parameters
        ----------
        orders : list of tuple
            ``(symbol, side, quantity, price_cents)``.
        equity_cents : int
            Equity of the account; zero or less is infinite leverage.
        positions : list of tuple
            ``(symbol, quantity)`` of what is held; of two entries of a symbol the last counts.
        target_weights : list of tuple
            ``(symbol, weight)`` of what is aimed at.

        Returns
        -------
        checks : list of dict
            ``name``, ``status`` (PASS, WARN or FAIL) and ``detail``.

        Raises
        ------
        TypeError, OverflowError, ValueError
            If an argument has the wrong type, range or word.
        """
        batch = [_batch_order(item) for item in arguments.sequence(orders, "orders")]
        equity = arguments.integer(equity_cents, "equity_cents")
        held = dict(arguments.pairs(positions, "positions", arguments.integer))
        weights = arguments.pairs(target_weights, "target_weights", arguments.real)
        for order in batch:
            held[order.symbol] = held.get(order.symbol, 0) + _signed(order)
        prices = {order.symbol: order.price for order in batch}
        values = [quantity * prices.get(symbol, 0) for symbol, quantity in held.items()]
        checks = [self._position_check(*_largest(weights)), self._leverage_check(values, equity)]
        checks.append(self._short_check(batch, held, values, equity))
        checks += self._value_checks(batch)
        return [*checks, _check("Order count", False, f"{len(batch)} orders"), _allocation_check(weights)]

    def _position_check(self, symbol: str, weight: float) -> Check:
        broken = weight > self._max_position
        detail = f"{weight * 100:.1f}% ({symbol}) {_sign(broken)} {self._max_position * 100:.1f}% limit"
        return _check("Max position", broken, detail)

    def _leverage_check(self, values: Sequence[int], equity: int) -> Check:
        leverage = _ratio(sum(map(abs, values)), equity, empty=math.inf)
        broken = leverage > self._max_leverage
        return _check("Leverage", broken, f"{leverage:.2f}x {_sign(broken)} {self._max_leverage:.2f}x limit")

    def _short_check(
        self, batch: Sequence[_BatchOrder], held: dict[str, int], values: Sequence[int], equity: int
    ) -> Check:
        sells = any(order.side == "sell" for order in batch)
        if not self._allow_short and sells and any(quantity < 0 for quantity in held.values()):
            return _check("Short selling", True, "short selling not allowed")
        shorts = [abs(value) for value, quantity in zip(values, held.values(), strict=True) if quantity < 0]
        share = _ratio(sum(shorts), equity, empty=math.inf)
        broken = share > self._max_short
        detail = f"{share * 100:.1f}% {_sign(broken)} {self._max_short * 100:.1f}% limit"
        return _check("Short exposure", broken, detail)

    def _value_checks(self, batch: Sequence[_BatchOrder]) -> list[Check]:
        cap, whole = self._max_order_value, self._max_batch_value
        worth = [(order.symbol, abs(order.value)) for order in batch]
        total = sum(value for _, value in worth)
        checks = [
            _check(
                "Max order value",
                True,
                f"{symbol}: ${value / 100:.0f} > ${cap / 100:.0f} max_order_value_cents",
            )
            for symbol, value in worth
            if 0 < cap < value
        ]
        if 0 < whole < total:
            checks.append(
                _check("Max batch value", True, f"${total / 100:.0f} > ${whole / 100:.0f} max_batch_value_cents")
            )
        return checks + [
            _check(
                "Max trade size",
                False,
                f"{symbol}: ${value / 100:.0f} > ${self._max_trade:.0f} max_trade_usd",
                True,
            )
            for symbol, value in worth
            if value / 100 > self._max_trade
        ]

    def __repr__(self) -> str:
        short = "true" if self._allow_short else "false"
        position, leverage = _plain(self._max_position), _plain(self._max_leverage)
        return f"RiskEngine(max_position_pct={position}, max_leverage={leverage}, allow_short={short})"


def _require(name: str, value: float, is_sound: bool, allowed: str) -> None:
    if not is_sound:
        raise ValueError(f"invalid RiskConfig: {name} must be {allowed}, got {_plain(value)}")


def _plain(value: float) -> str:
    """Without an exponent and without a fraction that is zero."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else str(value)
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def _order(fields: tuple[Any, ...], names: tuple[str, str, str]) -> _BatchOrder:
    symbol = arguments.symbol(fields[0], names[0])
    word = arguments.string(getattr(fields[1], "value", fields[1]), "side")
    quantity = arguments.unsigned(fields[2], names[1])
    price = arguments.integer(fields[3], names[2])
    return _BatchOrder(symbol, arguments.side(word), quantity, price)


def _batch_order(item: Any) -> _BatchOrder:
    if not isinstance(item, tuple):
        raise TypeError(f"argument 'orders': '{type(item).__name__}' object cannot be cast as 'tuple'")
    if len(item) != 4:
        raise ValueError(f"expected tuple of length 4, but got tuple of length {len(item)}")
    return _order(item, ("orders", "orders", "orders"))


def _signed(order: _BatchOrder) -> int:
    return order.quantity if order.side == "buy" else -order.quantity


def _ratio(value: int, equity: int, *, empty: float) -> float:
    return value / equity if equity > 0 else empty


def _largest(weights: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """The first of the largest; what is not a number is never larger."""
    name, largest = "?", 0.0
    for symbol, weight in weights:
        if abs(weight) > largest:
            name, largest = symbol, abs(weight)
    return name, largest


def _allocation_check(weights: Sequence[tuple[str, float]]) -> Check:
    long = short = -0.0  # an empty sum is printed as -0.0
    for weight in dict(weights).values():  # of two entries of a symbol the last counts here
        if weight > 0.0:
            long += weight
        elif weight < 0.0:
            short += abs(weight)
    detail = f"{long * 100:.1f}% long, {short * 100:.1f}% short, {(1.0 - long) * 100:.1f}% cash"
    return _check("Weight allocation", False, detail)


def _sign(broken: bool) -> str:
    return ">" if broken else "<="


def _check(name: str, broken: bool, detail: str, is_warning: bool = False) -> Check:
    return {"name": name, "status": "FAIL" if broken else "WARN" if is_warning else "PASS", "detail": detail}

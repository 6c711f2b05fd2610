"""Cash, positions and the equity curve of one account, in integer cents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ValidationError
from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.market.instrument import Instrument
from nanodesk.market.ranges import one_of
from nanodesk.market.units import INT64_MAX, INT64_MIN, format_cents
from nanodesk.metrics.performance import PerformanceMetrics, compute_metrics
from nanodesk.metrics.series import checked_periods
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.fills import Fill, SimpleFill
from nanodesk.portfolio.ledger import Ledger, MissingPrice
from nanodesk.portfolio.position import Position
from nanodesk.portfolio.quotes import Prices, Targets, checked_prices, checked_targets
from nanodesk.portfolio.sizing import Order, Rounding, order_toward, within_cash
from nanodesk.portfolio.storage import PortfolioState, read_state, write_state

_WHOLE = 1.0 + 1e-9  # weights that were normalised add up to 1 but for rounding


@dataclass(frozen=True, slots=True)
class PortfolioSnapshot:
    """What a portfolio is worth at an instant.

    Parameters
    ----------
    cash, equity : int
        In cents.
    num_positions : int
        Symbols held.
    total_realized_pnl : int
        Profit of all closed quantity before costs, in cents.
    weights : dict of str to float
        Market value of what is held as a fraction of equity, sorted by symbol.
    """

    cash: int
    equity: int
    num_positions: int
    total_realized_pnl: int
    weights: dict[str, float]


class Portfolio:
    """Cash and positions that are rebalanced to target weights and valued once a period.

    Parameters
    ----------
    initial_cash : int
        In cents, above 0.
    cost_model : CostModel
        What trading and holding shorts costs. Impact needs volumes, which a portfolio does not know: use
        ``backtest.weights``.
    instruments : mapping of str to Instrument, optional
        Multipliers and lots by symbol. Where given, other symbols are refused; otherwise every symbol is a share.
    missing_price : {"carry", "raise"}, default "carry"
        Value a holding without a price at its last one, or refuse. It never counts as worthless.
    rounding : {"target", "trade"}, default "target"
        Truncate the quantity to hold, or the quantity to trade.
    reserve_costs : bool, default True
        Shrink the purchases of long-only targets of at most 1 so that cash pays for them and their costs.

    Raises
    ------
    ValidationError
        If cash is not an integer above 0, an option is unknown, or the cost model has an impact.

    Examples
    --------
    >>> portfolio = Portfolio(1_000_000_00, CostModel(commission_bps=5))
    >>> fills = portfolio.rebalance_simple([("AAPL", 0.6)], [("AAPL", 150_00)])
    >>> portfolio.record_return([("AAPL", 155_00)])
    >>> portfolio.position("AAPL").quantity, portfolio.cash, portfolio.returns().round(6)
    (4000, 39970000, array([0.0197]))
    """

    def __init__(
        self,
        initial_cash: int,
        cost_model: CostModel,
        *,
        instruments: Mapping[str, Instrument] | None = None,
        missing_price: MissingPrice = "carry",
        rounding: Rounding = "target",
        reserve_costs: bool = True,
    ) -> None:
        _check_options(initial_cash, cost_model, missing_price, rounding)
        self.cost_model = cost_model
        self.rounding: Rounding = rounding
        self.reserve_costs = reserve_costs
        self._fill_model = SimpleFill(cost_model)
        self._ledger = Ledger(int(initial_cash), instruments, missing_price)
        self._equity_curve = [int(initial_cash)]
        self._returns: list[float] = []

    def __repr__(self) -> str:
        held = len(self._ledger.held())
        return f"Portfolio(cash={format_cents(self.cash)}, positions={held}, returns={len(self._returns)})"

    @property
    def cash(self) -> int:
        """Cash, in cents."""
        return self._ledger.cash

    def position(self, symbol: str) -> Position | None:
        """The position of one symbol.

        Parameters
        ----------
        symbol : str
            Any symbol.

        Returns
        -------
        position : Position or None
            ``None`` if it was never traded; a closed one has quantity 0.
        """
        return self._ledger.positions.get(symbol)

    def positions(self) -> dict[str, Position]:
        """Every symbol that was ever traded.

        Returns
        -------
        positions : dict of str to Position
            A new dict of values, sorted by symbol.
        """
        return dict(sorted(self._ledger.positions.items()))

    def total_equity(self, prices: Prices) -> int:
        """Cash plus the market value of everything held.

        Parameters
        ----------
        prices : mapping of str to int, or iterable of pairs
            Price in cents by symbol; others than those held are welcome.

        Returns
        -------
        equity : int
            In cents. A holding without a price is valued at its last one.

        Raises
        ------
        PriceError
            If a price is not a positive integer, or missing where ``missing_price="raise"``.
        """
        return self._ledger.equity(self._checked_prices(prices))

    def current_weights(self, prices: Prices) -> list[tuple[str, float]]:
        """Market value of each holding as a fraction of equity.

        Parameters
        ----------
        prices : mapping of str to int, or iterable of pairs
            Price in cents by symbol.

        Returns
        -------
        weights : list of (str, float)
            What is held, sorted by symbol; empty where equity is not above 0.

        Raises
        ------
        PriceError
            If a price is not a positive integer, or missing where ``missing_price="raise"``.
        """
        known = self._checked_prices(prices)
        equity = self._ledger.equity(known)
        if equity <= 0:
            return []
        return [(symbol, self._ledger.value(symbol, known) / equity) for symbol in self._ledger.held()]

    def rebalance_simple(self, targets: Targets, prices: Prices) -> tuple[Fill, ...]:
        """Trade to target weights at the prices of the bar.

        Parameters
        ----------
        targets : mapping of str to float, or iterable of pairs
            Weight as a fraction of equity; negative shorts. A held symbol that is not named is closed.
        prices : mapping of str to int, or iterable of pairs
            Price in cents by symbol. A symbol without a price does not trade.

        Returns
        -------
        fills : tuple of Fill
            Sales first, then purchases, each sorted by symbol. Empty where equity is not above 0.

        Raises
        ------
        WeightsError
            If a weight is not finite or a symbol is named twice.
        PriceError
            If a price is not a positive integer, or missing where ``missing_price="raise"``.
        ValidationError
            If a target is unknown: without a price now or ever, or not among the instruments.

        Notes
        -----
        Equity is taken once, before any fill. Quantities are truncated toward zero. A sale that would cost more than
        it brings, and more than the cash, is left.
        """
        known = self._checked_prices(prices)
        weights = self._checked_targets(targets, known)
        equity = self._ledger.equity(known)
        if equity <= 0:
            return ()
        self._ledger.last_prices |= known
        orders = self._orders(weights, known, equity)
        sold = [self._trade(order) for order in orders if order.quantity < 0 and self._pays_off(order)]
        return (*sold, *(self._trade(order) for order in self._purchases(orders, weights)))

    def apply_fill(self, fill: Fill) -> None:
        """Book a fill that happened elsewhere.

        Parameters
        ----------
        fill : Fill
            Quantity, price and cost.

        Raises
        ------
        ValidationError
            If the symbol is not among the instruments.
        """
        self._ledger.book(fill)

    def record_return(self, prices: Prices, *, periods_per_year: float = 252.0) -> None:
        """End a period: charge the borrow fee, value everything, note the return and the equity.

        Parameters
        ----------
        prices : mapping of str to int, or iterable of pairs
            Price in cents by symbol.
        periods_per_year : float, default 252
            Sessions per year, for the yearly borrow fee.

        Raises
        ------
        PriceError
            If a price is not a positive integer, or missing where ``missing_price="raise"``.
        ValidationError
            If equity does not fit 64-bit cents, or ``periods_per_year`` is not above 0.

        Notes
        -----
        A period that begins with nothing returns 0, so that there is one return for every period.
        """
        year = checked_periods(periods_per_year)
        known = self._checked_prices(prices)
        fee = self.cost_model.borrow_cents(self._ledger.short_value(known), periods_per_year=year)
        equity = self._ledger.equity(known) - fee
        if not INT64_MIN <= equity <= INT64_MAX:
            raise ValidationError(
                f"equity={equity} does not fit 64-bit cents.", field="equity", value=equity, allowed="within 2**63"
            )
        self._ledger.cash -= fee
        self._ledger.last_prices |= known
        before = self._equity_curve[-1]
        self._returns.append((equity - before) / before if before > 0 else 0.0)
        self._equity_curve.append(equity)

    def snapshot(self, prices: Prices) -> PortfolioSnapshot:
        """Cash, equity, weights and realized profit now.

        Parameters
        ----------
        prices : mapping of str to int, or iterable of pairs
            Price in cents by symbol.

        Returns
        -------
        snapshot : PortfolioSnapshot
            A value.

        Raises
        ------
        PriceError
            If a price is not a positive integer, or missing where ``missing_price="raise"``.
        """
        known = self._checked_prices(prices)
        return PortfolioSnapshot(
            cash=self._ledger.cash,
            equity=self._ledger.equity(known),
            num_positions=len(self._ledger.held()),
            total_realized_pnl=sum(position.realized_pnl for position in self._ledger.positions.values()),
            weights=dict(self.current_weights(known)),
        )

    def returns(self) -> FloatArray:
        """Return of each period recorded so far.

        Returns
        -------
        returns : ndarray of float64, shape (n_periods,)
            Fractions.
        """
        return np.array(self._returns, dtype=np.float64)

    def equity_curve(self) -> IntArray:
        """Equity at the start and after each period.

        Returns
        -------
        equity : ndarray of int64, shape (n_periods + 1,)
            In cents; the first is the initial cash.
        """
        return np.array(self._equity_curve, dtype=np.int64)

    def compute_metrics(self, periods_per_year: float = 252.0, risk_free: ArrayLike = 0.0) -> PerformanceMetrics | None:
        """Headline numbers of the returns.

        Parameters
        ----------
        periods_per_year : float, default 252
            Sessions per year.
        risk_free : float or array_like of float, shape (n_periods,), default 0
            Risk-free return per period.

        Returns
        -------
        metrics : PerformanceMetrics or None
            ``None`` before the first period.
        """
        if not self._returns:
            return None
        return compute_metrics(self._returns, periods_per_year=periods_per_year, risk_free=risk_free)

    def copy(self) -> Portfolio:
        """A portfolio in the same state that goes its own way.

        Returns
        -------
        portfolio : Portfolio
            Shares only values that never change.
        """
        twin = Portfolio.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._ledger = self._ledger.copy()
        twin._equity_curve = list(self._equity_curve)
        twin._returns = list(self._returns)
        return twin

    def save_json(self, path: str | Path) -> None:
        """Write the whole state to a file, in one step.

        Parameters
        ----------
        path : str or Path
            Destination; its folder must exist. The format is in ``docs/portfolio-file.md``.
        """
        named = self._ledger.instruments
        instruments = None if named is None else tuple(named[symbol] for symbol in sorted(named))
        state = PortfolioState(
            cash=self._ledger.cash,
            cost_model=self.cost_model,
            missing_price=self._ledger.missing_price,
            rounding=self.rounding,
            reserve_costs=self.reserve_costs,
            instruments=instruments,
            positions=tuple(self.positions().values()),
            last_prices=self._ledger.last_prices,
            equity_curve=tuple(self._equity_curve),
            returns=tuple(self._returns),
        )
        write_state(state, Path(path))

    @classmethod
    def load_json(cls, path: str | Path) -> Portfolio:
        """Read a state that ``save_json`` wrote.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        portfolio : Portfolio
            Equal to the one saved.

        Raises
        ------
        SchemaMismatchError
            If the file is not such a state or of another version.
        """
        state = read_state(Path(path))
        named = None if state.instruments is None else {item.symbol: item for item in state.instruments}
        portfolio = cls(
            state.equity_curve[0],
            state.cost_model,
            instruments=named,
            missing_price=state.missing_price,
            rounding=state.rounding,
            reserve_costs=state.reserve_costs,
        )
        portfolio._ledger.cash = state.cash
        portfolio._ledger.positions = {position.symbol: position for position in state.positions}
        portfolio._ledger.last_prices = dict(state.last_prices)
        portfolio._equity_curve = list(state.equity_curve)
        portfolio._returns = list(state.returns)
        return portfolio

    def _checked_prices(self, prices: Prices) -> dict[str, int]:
        return checked_prices(prices, self._ledger.instruments)

    def _checked_targets(self, targets: Targets, prices: Mapping[str, int]) -> dict[str, float]:
        weights = checked_targets(targets)
        for symbol in weights:
            self._ledger.instrument(symbol)
            self._ledger.price(symbol, prices)
        return weights

    def _orders(self, weights: Mapping[str, float], prices: Mapping[str, int], equity: int) -> list[Order]:
        held = self._ledger.held()
        return [
            order_toward(
                weights.get(symbol, 0.0),
                held.get(symbol, 0),
                instrument=self._ledger.instrument(symbol),
                price=prices[symbol],
                equity=equity,
                rounding=self.rounding,
            )
            for symbol in sorted(weights.keys() | held.keys())
            if symbol in prices
        ]

    def _purchases(self, orders: Iterable[Order], weights: Mapping[str, float]) -> list[Order]:
        """What is to be bought, within the cash where the targets are long only and not levered."""
        buys = [order for order in orders if order.quantity > 0]
        long_only = min(weights.values(), default=0.0) >= 0.0
        if not self.reserve_costs or not long_only or sum(weights[s] for s in sorted(weights)) > _WHOLE:
            return buys
        sized = within_cash(buys, self._ledger.cash, self._cost)
        return [replace(order, quantity=sized[order.symbol]) for order in buys if sized[order.symbol]]

    def _pays_off(self, order: Order) -> bool:
        """Whether a sale leaves cash standing: a minimum fee may exceed what the sale brings."""
        held = self._ledger.positions.get(order.symbol)
        if not self.reserve_costs or held is None or held.quantity <= 0:
            return True
        proceeds = -order.quantity * order.unit
        cost = self._cost(order, order.quantity)
        return cost <= proceeds or self._ledger.cash + proceeds - cost >= 0

    def _cost(self, order: Order, quantity: int) -> int:
        return self.cost_model.trade_cost_cents(quantity, abs(quantity * order.unit))

    def _trade(self, order: Order) -> Fill:
        fill = self._fill_model.fill(self._ledger.instrument(order.symbol), order.quantity, order.price)
        self._ledger.book(fill)
        return fill


def _check_options(initial_cash: int, cost_model: CostModel, missing_price: str, rounding: str) -> None:
    whole = isinstance(initial_cash, (int, np.integer)) and not isinstance(initial_cash, bool)
    if not whole or not 0 < initial_cash <= INT64_MAX:
        raise ValidationError(
            f"initial_cash={initial_cash!r} must be a whole number of cents above 0.",
            field="initial_cash",
            value=initial_cash,
            allowed="1 to 2**63 - 1",
        )
    if not isinstance(cost_model, CostModel):
        raise ValidationError(
            f"cost_model={cost_model!r} must be a CostModel.",
            field="cost_model",
            value=cost_model,
            fix="Pass CostModel().",
        )
    if cost_model.impact_coef:
        raise ValidationError(
            f"impact_coef={cost_model.impact_coef} needs volumes, which a portfolio does not know.",
            field="impact_coef",
            value=cost_model.impact_coef,
            allowed="0",
            fix="Use nanodesk.backtest.weights, or half_spread_bps.",
        )
    one_of("missing_price", missing_price, ("carry", "raise"))
    one_of("rounding", rounding, ("target", "trade"))

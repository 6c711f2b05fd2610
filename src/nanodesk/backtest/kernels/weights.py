"""The loop of the weights backtest: one pass over the sessions, money in exact integers.

Units: a price is an integer number of price units, a quantity an integer number of quantity units (whole shares,
or a fixed fraction of one), and money is their product, so the ledger adds and multiplies and never divides.
Decisions (target sizes, costs, stop levels) are IEEE doubles in a fixed order of operations, truncated or rounded
once; the slow reference in the tests repeats them and must agree to the last bit.

Layout: prices and weights stay in the caller's (sessions x symbols) doubles. Of each row every cell is checked, but
only what is held or asked for is turned into integers: positions are few where symbols are many, and integer sums do
not care about order. A trade is one record of four integers. Before a session starts there is room for every trade it
could make; otherwise ``run`` returns FULL and the shell calls again with a longer table, because all state lives in
the engine.

A function that can fail returns a status, a price or an amount, none of which is ever -1, so that its caller need not
ask the interpreter whether -1 was an exception: that call would stand in every loop and empty the registers.

Overflow: every amount is compared with LIMIT as a double before it is computed as an integer, so nothing wraps.
The rules themselves are written down in docs/backtest.md.
"""

import cython
from cython.cimports.libc.math import fabs, log, rint, sqrt

STATUS = ("done", "full", "bad_price", "bad_weight", "missing_price", "quantity_range", "money_range")
FULL = cython.declare(cython.int, 1)
BAD_PRICE = cython.declare(cython.int, 2)
BAD_WEIGHT = cython.declare(cython.int, 3)
MISSING_PRICE = cython.declare(cython.int, 4)
QUANTITY_RANGE = cython.declare(cython.int, 5)
MONEY_RANGE = cython.declare(cython.int, 6)

# Fill policies and what stops look at; the shell uses the same numbers.
SAME_CLOSE = cython.declare(cython.int, 0)
NEXT_OPEN = cython.declare(cython.int, 1)
NEXT_CLOSE = cython.declare(cython.int, 2)
VWAP_PROXY = cython.declare(cython.int, 3)

# Which price of a bar is meant.
OPEN = cython.declare(cython.int, 0)
HIGH = cython.declare(cython.int, 1)
LOW = cython.declare(cython.int, 2)
CLOSE = cython.declare(cython.int, 3)
TYPICAL = cython.declare(cython.int, 4)

REBALANCE = cython.declare(cython.int, 0)
FIXED_STOP = cython.declare(cython.int, 1)
TRAILING_STOP = cython.declare(cython.int, 2)
ATR_STOP = cython.declare(cython.int, 3)
DELISTING = cython.declare(cython.int, 4)

# Columns of the session table.
SESSION_COLUMNS = ("cash", "equity", "commission", "spread", "impact", "borrow", "income", "traded", "n_trades")
CASH = cython.declare(cython.int, 0)
EQUITY = cython.declare(cython.int, 1)
COMMISSION = cython.declare(cython.int, 2)
SPREAD = cython.declare(cython.int, 3)
IMPACT = cython.declare(cython.int, 4)
BORROW = cython.declare(cython.int, 5)
INCOME = cython.declare(cython.int, 6)
TRADED = cython.declare(cython.int, 7)
N_TRADES = cython.declare(cython.int, 8)

TRADES_PER_CELL = 4  # a symbol can be delisted, stopped, rebalanced and stopped again within one session
ROOM = cython.declare(cython.Py_ssize_t, 4)
CASH_ATTEMPTS = cython.declare(cython.int, 8)

LIMIT = cython.declare(cython.double, 1152921504606846976.0)  # 2**60: two of them still add up within 64 bits
MAX_PRICE = cython.declare(cython.double, 1125899906842624.0)  # 2**50
MAX_MONEY = cython.declare(cython.longlong, 1152921504606846976)
MAX_QUANTITY = cython.declare(cython.double, 9007199254740992.0)  # 2**53: exact as a double
MOST_UNITS = cython.declare(cython.longlong, 9007199254740992)


@cython.final
@cython.cclass
class Engine:
    """State of one backtest; the arrays belong to the caller.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Inputs, outputs and scratch by the names below; the last in ``state``, ``measures``, ``changes`` and
        ``log_returns``.
    numbers : mapping of str to int or float
        Options by the names below.
    """

    # Inputs, (sessions x symbols) unless stated.
    weights: cython.const[cython.double][:, ::1]  # (decisions x symbols); nan holds
    decision: cython.const[cython.longlong][::1]  # (sessions,) row of weights decided there, or -1
    close: cython.const[cython.double][:, ::1]
    open: cython.const[cython.double][:, ::1]
    high: cython.const[cython.double][:, ::1]
    low: cython.const[cython.double][:, ::1]
    volume: cython.const[cython.double][:, ::1]
    dividend: cython.const[cython.double][:, ::1]
    split: cython.const[cython.double][:, ::1]
    action_row: cython.const[cython.longlong][::1]  # (sessions,) whether any dividend or split is there
    delisting_row: cython.const[cython.longlong][::1]  # (symbols,) session of the terminal payment, or -1
    delistings: cython.const[cython.longlong][::1]  # (sessions,) how many there are
    terminal: cython.const[cython.double][::1]  # (symbols,) terminal return
    # Outputs.
    holdings: cython.longlong[:, ::1]
    sessions: cython.longlong[:, ::1]
    trades: cython.longlong[:, ::1]  # symbol * 8 + reason, quantity, price, cost
    stops: cython.longlong[:, ::1]  # session, symbol, level, exit price, reason
    # State, all of length N.
    position: cython.longlong[::1]
    mark: cython.longlong[::1]  # last known price
    price: cython.longlong[::1]  # of what is held or asked for, at this moment of the session; 0 where there is none
    held: cython.longlong[::1]  # columns with a position, in no order
    slot: cython.longlong[::1]  # where a held column stands in there
    is_held: cython.double[::1]  # 1 for a position, else 0
    entry: cython.longlong[::1]
    best: cython.longlong[::1]
    opened: cython.longlong[::1]
    blocked: cython.longlong[::1]
    last_seen: cython.longlong[::1]
    changes: cython.longlong[:, ::1]  # (period x symbols) ring of absolute changes
    n_changes: cython.longlong[::1]
    average_range: cython.double[::1]
    n_ranges: cython.longlong[::1]
    range_close: cython.longlong[::1]
    candidate: cython.longlong[::1]
    delta: cython.longlong[::1]
    asked: cython.longlong[::1]
    sells: cython.longlong[::1]
    buys: cython.longlong[::1]
    average_volume: cython.double[::1]
    volatility: cython.double[::1]
    statistics_row: cython.longlong[::1]
    log_returns: cython.double[::1]  # (impact window,)
    # Scalars of the ledger.
    cash: cython.longlong
    row: cython.Py_ssize_t
    n_symbols: cython.Py_ssize_t
    n_held: cython.Py_ssize_t
    n_trades: cython.Py_ssize_t
    n_stops: cython.Py_ssize_t
    n_candidates: cython.Py_ssize_t
    n_sells: cython.Py_ssize_t
    n_buys: cython.Py_ssize_t
    error_row: cython.Py_ssize_t
    error_column: cython.Py_ssize_t
    most_held: cython.double  # at least the sum of absolute positions; counted anew when it is too much to be of use
    price_bits: cython.longlong  # every price or mark so far, or-ed: at least the highest, less than twice it
    skipped: cython.bint
    level_reason: cython.int
    # Not side by side what a trade adds to: the compiler would add in pairs, and a 16-byte load right after two 8-byte
    # stores stalls (measured: a third of the time of a trade).
    commission: cython.longlong
    borrow: cython.longlong
    spread: cython.longlong
    income: cython.longlong
    impact: cython.longlong
    row_gross: cython.double
    traded: cython.longlong
    row_is_long: cython.bint
    # Options.
    scale: cython.double
    least_price: cython.double  # half a unit, in the caller's numbers
    most_price: cython.double
    quantity_scale: cython.double
    fill: cython.int
    raises_missing: cython.bint
    by_delta: cython.bint
    reserves: cython.bint
    invested: cython.double
    max_gross: cython.double
    band: cython.double
    max_turnover: cython.double
    max_participation: cython.double
    lot: cython.longlong
    volume_window: cython.Py_ssize_t
    impact_window: cython.Py_ssize_t
    commission_bps: cython.double
    per_unit: cython.double
    min_commission: cython.longlong
    spread_bps: cython.double
    impact_coef: cython.double
    has_spread: cython.bint
    has_impact: cython.bint
    borrow_bps: cython.double
    periods_per_year: cython.double
    rounding: cython.double
    has_stops: cython.bint
    intrabar: cython.bint
    fixed: cython.double
    trailing: cython.double
    atr_multiple: cython.double
    atr_period: cython.longlong
    wilder: cython.bint
    reentry_after: cython.longlong
    has_open: cython.bint
    has_actions: cython.bint
    has_dividend: cython.bint
    has_split: cython.bint
    has_delistings: cython.bint

    def __init__(self, arrays, numbers):
        self.weights = arrays["weights"]
        self.decision = arrays["decision"]
        self.close = arrays["close"]
        self.open = arrays.get("open")
        self.high = arrays.get("high")
        self.low = arrays.get("low")
        self.volume = arrays.get("volume")
        self.dividend = arrays.get("dividend")
        self.split = arrays.get("split")
        self.action_row = arrays.get("action_row")
        self.delisting_row = arrays.get("delisting_row")
        self.delistings = arrays.get("delistings")
        self.terminal = arrays.get("terminal")
        self.holdings = arrays["holdings"]
        self.sessions = arrays["sessions"]
        self.trades = arrays["trades"]
        self.stops = arrays["stops"]
        state = arrays["state"]
        self.position = state[0]
        self.mark = state[1]
        self.price = state[2]
        self.held = state[3]
        self.slot = state[4]
        self.entry = state[5]
        self.best = state[6]
        self.opened = state[7]
        self.blocked = state[8]
        self.last_seen = state[9]
        self.n_changes = state[10]
        self.n_ranges = state[11]
        self.range_close = state[12]
        self.candidate = state[13]
        self.delta = state[14]
        self.asked = state[15]
        self.sells = state[16]
        self.buys = state[17]
        self.statistics_row = state[18]
        self.changes = arrays["changes"]
        measures = arrays["measures"]
        self.average_range = measures[0]
        self.average_volume = measures[1]
        self.volatility = measures[2]
        self.is_held = measures[3]
        self.log_returns = arrays["log_returns"]
        self.n_symbols = self.close.shape[1]
        self.cash = numbers["cash"]
        self.scale = numbers["scale"]
        self.least_price = 0.5 / self.scale
        self.most_price = 2.0**50 / self.scale
        self.quantity_scale = numbers["quantity_scale"]
        self.fill = numbers["fill"]
        self.raises_missing = numbers["raises_missing"]
        self.by_delta = numbers["by_delta"]
        self.reserves = numbers["reserves"]
        self.invested = numbers["invested"]
        self.max_gross = numbers["max_gross"]
        self.band = numbers["band"]
        self.max_turnover = numbers["max_turnover"]
        self.max_participation = numbers["max_participation"]
        self.lot = numbers["lot"]
        self.volume_window = numbers["volume_window"]
        self.impact_window = numbers["impact_window"]
        self.commission_bps = numbers["commission_bps"]
        self.per_unit = numbers["per_unit"]
        self.min_commission = numbers["min_commission"]
        self.spread_bps = numbers["spread_bps"]
        self.impact_coef = numbers["impact_coef"]
        self.has_spread = self.spread_bps > 0.0
        self.has_impact = self.impact_coef > 0.0
        self.borrow_bps = numbers["borrow_bps"]
        self.periods_per_year = numbers["periods_per_year"]
        self.rounding = numbers["rounding"]
        self.has_stops = numbers["has_stops"]
        self.intrabar = numbers["intrabar"]
        self.fixed = numbers["fixed"]
        self.trailing = numbers["trailing"]
        self.atr_multiple = numbers["atr_multiple"]
        self.atr_period = numbers["atr_period"]
        self.wilder = numbers["wilder"]
        self.reentry_after = numbers["reentry_after"]
        self.has_open = self.open is not None
        self.has_dividend = self.dividend is not None
        self.has_split = self.split is not None
        self.has_actions = self.action_row is not None
        self.has_delistings = self.delisting_row is not None

    def tables(self, trades, stops):
        """Go on with longer tables.

        Parameters
        ----------
        trades, stops : ndarray of int64
            Tables that begin with what was written so far.
        """
        self.trades = trades
        self.stops = stops

    def counts(self):
        """Trades and stops written so far."""
        return self.n_trades, self.n_stops

    def error(self):
        """Session and column of the failure; for a bad weight, session and row of weights."""
        return self.error_row, self.error_column

    def run(self):
        """Simulate until the end or until a table is full, without the interpreter lock; the status code."""
        status: cython.int
        with cython.nogil:
            status = self._run()
        return status

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _run(self) -> cython.int:
        status: cython.int = 0
        last: cython.Py_ssize_t = self.close.shape[0] - 1
        room: cython.Py_ssize_t = ROOM * self.n_symbols
        while self.row <= last:
            if self.n_trades + room > self.trades.shape[0] or (
                self.has_stops and self.n_stops + 2 * self.n_symbols > self.stops.shape[0]
            ):
                return FULL
            status = self._session(self.row)
            if status != 0:
                self.error_row = self.row
                return status
            self.row += 1
        # The last decision of a delayed fill never trades, but it must be sound all the same.
        if self.fill != SAME_CLOSE and last >= 0 and self.decision[last] >= 0:
            status = self._read_weights(self.decision[last])
            if status != 0:
                self.error_row = last
        return status

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _session(self, t: cython.Py_ssize_t) -> cython.int:
        """One session in the order of time: actions, open, range, close."""
        status: cython.int = 0
        decided: cython.Py_ssize_t = t if self.fill == SAME_CLOSE else t - 1
        k: cython.longlong = self.decision[decided] if decided >= 0 else -1
        self.commission = self.spread = self.impact = 0
        self.borrow = self.income = self.traded = 0
        self._fetch_ahead(t, k)
        status = self._check_bar(t, k >= 0)
        if status == 0 and self.has_actions and self.action_row[t] != 0:
            status = self._corporate_actions(t)
        if status == 0 and self.has_delistings and self.delistings[t] != 0:
            status = self._delist(t)
        if status == 0 and self.intrabar:
            status = self._stop_at_open(t)
        if status == 0 and k >= 0 and self.fill == NEXT_OPEN:
            status = self._rebalance(t, decided, k, OPEN)
        if status == 0 and self.intrabar:
            status = self._stop_in_range(t)
        if status == 0 and k >= 0 and self.fill != NEXT_OPEN:
            status = self._rebalance(t, decided, k, TYPICAL if self.fill == VWAP_PROXY else CLOSE)
        if status == 0:
            status = self._close_session(t, k >= 0 and self.n_candidates > 0)
        return status

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _close_session(self, t: cython.Py_ssize_t, rebalanced: cython.bint) -> cython.int:
        """Stops at the close, then marks, value, borrow and the records of the session."""
        status: cython.int
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        value: cython.longlong = 0
        short: cython.double = 0.0
        if self.has_stops:
            if self.wilder:
                self._update_ranges(t)
            status = self._stop_at_close(t)
            if status != 0:
                return status
        if not (rebalanced and (self.fill == SAME_CLOSE or self.fill == NEXT_CLOSE)):
            self._price_held(t, CLOSE)
        if self.raises_missing:
            for j in range(self.n_held):
                if self.price[self.held[j]] == 0:
                    self.error_column = self.held[j]
                    return MISSING_PRICE
        if self._fits() == 0:
            return MONEY_RANGE
        for j in range(self.n_held):
            i = self.held[j]
            if self.price[i] > 0:
                self.mark[i] = self.price[i]
            value += self.position[i] * self.mark[i]
        self.holdings[t, :] = self.position
        if self.borrow_bps > 0.0:
            for j in range(self.n_held):
                i = self.held[j]
                if self.position[i] < 0:
                    short += cython.cast(cython.double, -self.position[i] * self.mark[i])
            self.borrow = self._rounded(short * self.borrow_bps / 10000.0 / self.periods_per_year)
            self.cash -= self.borrow
        if self.cash > MAX_MONEY or self.cash < -MAX_MONEY:
            return MONEY_RANGE
        self.sessions[t, CASH] = self.cash
        self.sessions[t, EQUITY] = self.cash + value
        self.sessions[t, COMMISSION] = self.commission
        self.sessions[t, SPREAD] = self.spread
        self.sessions[t, IMPACT] = self.impact
        self.sessions[t, BORROW] = self.borrow
        self.sessions[t, INCOME] = self.income
        self.sessions[t, TRADED] = self.traded
        self.sessions[t, N_TRADES] = self.n_trades
        return 0

    # Prices and valuation.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _fetch_ahead(self, t: cython.Py_ssize_t, k: cython.longlong) -> cython.int:
        """Ask for the rows of the next session: a row is near a page long, where hardware prefetching stops."""
        i: cython.Py_ssize_t
        if t + 1 < self.close.shape[0]:
            for i in range(0, self.n_symbols, 8):
                prefetch(cython.address(self.close[t + 1, i]))  # noqa: F821 (from weights.pxd)
        if k >= 0 and k + 1 < self.weights.shape[0]:
            for i in range(0, self.n_symbols, 8):
                prefetch(cython.address(self.weights[k + 1, i]))  # noqa: F821
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _check_bar(self, t: cython.Py_ssize_t, trades: cython.bint) -> cython.int:
        """Whether every price of the bar that this run looks at is one, or missing."""
        status: cython.int = self._check_prices(self.close[t])
        if status == 0 and (self.intrabar or self.fill == VWAP_PROXY or (self.fill == NEXT_OPEN and trades)):
            status = self._check_prices(self.open[t])
        if status == 0 and (self.intrabar or self.wilder or self.fill == VWAP_PROXY):
            status = self._check_prices(self.high[t])
            if status == 0:
                status = self._check_prices(self.low[t])
        return status

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _check_prices(self, source: cython.const[cython.double][::1]) -> cython.int:
        """Every cell at least half a unit and below the largest price; nan compares false with both."""
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t = source.shape[0]
        least: cython.double = self.least_price
        # Even and odd columns apart: two chains of comparisons, and the compiler makes vectors of them.
        lowest: cython.double = least
        lowest_odd: cython.double = least
        highest: cython.double = least
        highest_odd: cython.double = least
        for i in range(0, n - 1, 2):
            lowest = source[i] if source[i] < lowest else lowest
            lowest_odd = source[i + 1] if source[i + 1] < lowest_odd else lowest_odd
            highest = source[i] if source[i] > highest else highest
            highest_odd = source[i + 1] if source[i + 1] > highest_odd else highest_odd
        lowest = source[n - 1] if source[n - 1] < lowest else lowest
        highest = source[n - 1] if source[n - 1] > highest else highest
        if lowest < least or lowest_odd < least or highest >= self.most_price or highest_odd >= self.most_price:
            return BAD_PRICE
        return 0

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _quote(self, t: cython.Py_ssize_t, i: cython.Py_ssize_t, which: cython.int) -> cython.longlong:
        """A price of a bar in units; 0 stands for none."""
        if which == CLOSE:
            return self._units(self.close[t, i])
        if which == OPEN:
            return self._units(self.open[t, i])
        if which == HIGH:
            return self._units(self.high[t, i])
        if which == LOW:
            return self._units(self.low[t, i])
        return self._units((((self.open[t, i] + self.high[t, i]) + self.low[t, i]) + self.close[t, i]) / 4.0)

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(check=False)
    def _units(self, x: cython.double) -> cython.longlong:
        """Half up and at least one; nan compares false, so that only numbers are converted."""
        units: cython.double = x * self.scale + 0.5
        units = units if units > 1.0 else 1.0
        return cython.cast(cython.longlong, units) if x == x else 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _price_held(self, t: cython.Py_ssize_t, which: cython.int) -> cython.int:
        j: cython.Py_ssize_t
        units: cython.longlong
        bits: cython.longlong = 0
        for j in range(self.n_held):
            units = self._quote(t, self.held[j], which)
            self.price[self.held[j]] = units
            bits |= units
        self.price_bits |= bits
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _price_asked(self, t: cython.Py_ssize_t, which: cython.int) -> cython.int:
        """What is held and what may trade; where that is most of a row, the whole row, which is cheaper a cell."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        if which == CLOSE and self.n_held + self.n_candidates > self.n_symbols:
            return self._price_row(self.close[t])
        if which == OPEN and self.n_held + self.n_candidates > self.n_symbols:
            return self._price_row(self.open[t])
        self._price_held(t, which)
        for j in range(self.n_candidates):
            i = self.candidate[j]
            if self.is_held[i] == 0.0:
                self.price[i] = self._quote(t, i, which)
                self.price_bits |= self.price[i]
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _price_row(self, row: cython.const[cython.double][::1]) -> cython.int:
        i: cython.Py_ssize_t
        units: cython.longlong
        bits: cython.longlong = 0
        for i in range(row.shape[0]):
            units = self._units(row[i])
            self.price[i] = units
            bits |= units
        self.price_bits |= bits
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _fits(self) -> cython.int:
        """Whether the market value fits the limit: by a bound that costs nothing, else by adding it up."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        units: cython.double
        gross: cython.double = 0.0
        if self.most_held * cython.cast(cython.double, self.price_bits) < LIMIT:
            return 1
        self.most_held = 0.0
        for j in range(self.n_held):
            i = self.held[j]
            units = fabs(cython.cast(cython.double, self.position[i]))
            self.most_held += units
            gross += units * cython.cast(cython.double, self.price[i] if self.price[i] > self.mark[i] else self.mark[i])
        return 1 if gross < LIMIT else 0

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _hold(self, i: cython.Py_ssize_t, after: cython.longlong) -> cython.int:
        """Set a position and keep the list of what is held."""
        before: cython.longlong = self.position[i]
        self.position[i] = after
        if before == 0 and after != 0:
            self.held[self.n_held] = i
            self.slot[i] = self.n_held
            self.is_held[i] = 1.0
            self.n_held += 1
        elif before != 0 and after == 0:
            self.n_held -= 1
            self.held[self.slot[i]] = self.held[self.n_held]
            self.slot[self.held[self.n_held]] = self.slot[i]
            self.is_held[i] = 0.0
        return 0

    # Trading.

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(check=False)
    def _rounded(self, amount: cython.double) -> cython.longlong:
        """A non-negative amount of money as an integer, half up (or down by option); LIMIT stands for too much."""
        return cython.cast(cython.longlong, (amount if amount < LIMIT else LIMIT) + self.rounding)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _measure(self, i: cython.Py_ssize_t, t: cython.Py_ssize_t) -> cython.int:
        """Average volume and daily volatility of a symbol, from the sessions before this one."""
        s: cython.Py_ssize_t
        first: cython.Py_ssize_t
        n: cython.Py_ssize_t = 0
        total: cython.double = 0.0
        mean: cython.double = 0.0
        squares: cython.double = 0.0
        now: cython.double
        if self.statistics_row[i] == t + 1:
            return 0
        self.statistics_row[i] = t + 1
        first = t - self.volume_window if t > self.volume_window else 0
        for s in range(first, t):
            if self.volume[s, i] == self.volume[s, i]:
                total += self.volume[s, i]
        self.average_volume[i] = (
            total / cython.cast(cython.double, t - first) * self.quantity_scale if t > first else 0.0
        )
        if self.impact_coef == 0.0:
            return 0
        first = t - self.impact_window if t > self.impact_window else 1
        for s in range(first, t):
            now = self.close[s, i]
            if self.has_split and self.split[s, i] == self.split[s, i]:
                now = now * self.split[s, i]
            if now == now and self.close[s - 1, i] == self.close[s - 1, i]:
                self.log_returns[n] = log(now / self.close[s - 1, i])
                mean += self.log_returns[n]
                n += 1
        if n < 2:
            self.volatility[i] = 0.0
            return 0
        mean = mean / cython.cast(cython.double, n)
        for s in range(n):
            squares += (self.log_returns[s] - mean) * (self.log_returns[s] - mean)
        self.volatility[i] = sqrt(squares / cython.cast(cython.double, n - 1))
        return 0

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(check=False)
    def _commission(self, amount: cython.double, units: cython.double) -> cython.longlong:
        paid: cython.longlong = self._rounded(amount * self.commission_bps / 10000.0 + units * self.per_unit)
        return paid if paid > self.min_commission else self.min_commission

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(check=False)
    def _spread(self, amount: cython.double) -> cython.longlong:
        return self._rounded(amount * self.spread_bps / 10000.0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _impact(
        self, i: cython.Py_ssize_t, t: cython.Py_ssize_t, amount: cython.double, units: cython.double
    ) -> cython.longlong:
        part: cython.double
        self._measure(i, t)
        part = units / self.average_volume[i] if self.average_volume[i] > 0.0 else 1.0
        return self._rounded(self.impact_coef * self.volatility[i] * sqrt(part) * amount)

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _cost(
        self, i: cython.Py_ssize_t, t: cython.Py_ssize_t, amount: cython.double, units: cython.double
    ) -> cython.longlong:
        """What a fill of that notional and size costs in all."""
        cost: cython.longlong = self._commission(amount, units)
        if self.has_spread:
            cost += self._spread(amount)
        if self.has_impact:
            cost += self._impact(i, t, amount, units)
        return cost

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _trade(
        self,
        i: cython.Py_ssize_t,
        t: cython.Py_ssize_t,
        delta: cython.longlong,
        price: cython.longlong,
        reason: cython.int,
    ) -> cython.int:
        """One fill with its costs; ``skipped`` tells that a sale was not worth them."""
        held: cython.longlong = self.position[i]
        quantity: cython.longlong = delta if delta > 0 else -delta
        after: cython.longlong = held + delta
        units: cython.double = cython.cast(cython.double, quantity)
        amount: cython.double = units * cython.cast(cython.double, price)  # rounded once, as the integer product is
        notional: cython.longlong
        commission: cython.longlong
        cost: cython.longlong
        extra: cython.longlong = 0
        self.skipped = False
        if after > MOST_UNITS or after < -MOST_UNITS or quantity > MOST_UNITS:
            self.error_column = i
            return QUANTITY_RANGE
        if amount > LIMIT:
            self.error_column = i
            return MONEY_RANGE
        notional = quantity * price
        cost = commission = self._commission(amount, units)
        if self.has_spread:
            cost += self._spread(amount)
        if self.has_impact:
            extra = self._impact(i, t, amount, units)
            cost += extra
        if cost >= MAX_MONEY:
            self.error_column = i
            return MONEY_RANGE
        if cost > notional and self.reserves and delta < 0 and held > 0 and self.cash + notional - cost < 0:
            self.skipped = True
            return 0
        self.commission += commission
        if self.has_impact:
            self.impact += extra
            self.spread += cost - commission - extra
        elif self.has_spread:
            self.spread += cost - commission
        self.most_held += units
        self.traded += notional
        if self.traded > MAX_MONEY:
            self.error_column = i
            return MONEY_RANGE
        return self._book(i, t, delta, price, reason, (notional if delta > 0 else -notional) + cost, cost)

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _book(
        self,
        i: cython.Py_ssize_t,
        t: cython.Py_ssize_t,
        delta: cython.longlong,
        price: cython.longlong,
        reason: cython.int,
        paid: cython.longlong,
        cost: cython.longlong,
    ) -> cython.int:
        """Cash, position, mark and record of one fill."""
        held: cython.longlong = self.position[i]
        after: cython.longlong = held + delta
        cash: cython.longlong = self.cash - paid
        if cash > MAX_MONEY or cash < -MAX_MONEY:
            self.error_column = i
            return MONEY_RANGE
        self.cash = cash
        self._hold(i, after)
        self.mark[i] = price
        self.trades[self.n_trades, 0] = i * 8 + reason
        self.trades[self.n_trades, 1] = delta
        self.trades[self.n_trades, 2] = price
        self.trades[self.n_trades, 3] = cost
        self.n_trades += 1
        if self.has_stops and after != 0 and (held == 0 or (held < 0) != (after < 0)):
            self.entry[i] = self.best[i] = self.last_seen[i] = price
            self.opened[i] = t
            self.n_changes[i] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _trade_all(
        self, t: cython.Py_ssize_t, columns: cython.longlong[::1], n_columns: cython.Py_ssize_t
    ) -> cython.int:
        """Book the trades of a rebalance in these columns, in order."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        status: cython.int
        for j in range(n_columns):
            i = columns[j]
            if self.delta[i] != 0:
                status = self._trade(i, t, self.delta[i], self.price[i], REBALANCE)
                if status != 0:
                    return status
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _read_weights(self, k: cython.Py_ssize_t) -> cython.int:
        """The columns of a row that may trade, in order, and the gross and sign of what they state."""
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t = 0
        self._add_up(self.weights[k])
        if not self.row_gross <= self.max_gross:
            self.error_column = k  # the row of weights, not a column of prices
            return BAD_WEIGHT
        for i in range(self.n_symbols):
            self.candidate[n] = i
            n += fabs(self.weights[k, i]) + self.is_held[i] > 0.0  # false for nan
        self.n_candidates = n
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _add_up(self, row: cython.const[cython.double][::1]) -> cython.int:
        """Gross and sign of a row, in two chains as for prices; a branch on nan is cheap, one on zero is not."""
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t = row.shape[0]
        gross: cython.double = 0.0
        gross_odd: cython.double = 0.0
        lowest: cython.double = 0.0
        lowest_odd: cython.double = 0.0
        for i in range(0, n - 1, 2):
            gross += fabs(row[i]) if row[i] == row[i] else 0.0
            gross_odd += fabs(row[i + 1]) if row[i + 1] == row[i + 1] else 0.0
            lowest = row[i] if row[i] < lowest else lowest
            lowest_odd = row[i + 1] if row[i + 1] < lowest_odd else lowest_odd
        if n % 2 == 1:
            gross += fabs(row[n - 1]) if row[n - 1] == row[n - 1] else 0.0
            lowest = row[n - 1] if row[n - 1] < lowest else lowest
        self.row_gross = gross + gross_odd
        self.row_is_long = lowest == 0.0 and lowest_odd == 0.0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _rebalance(
        self, t: cython.Py_ssize_t, decided: cython.Py_ssize_t, k: cython.Py_ssize_t, which: cython.int
    ) -> cython.int:
        """Trade toward one row of weights at one price of the bar: sells first, then buys."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        status: cython.int = self._read_weights(k)
        equity: cython.longlong = self.cash
        if status != 0 or self.n_candidates == 0:
            return status
        self._price_asked(t, which)
        if self._fits() == 0:
            return MONEY_RANGE
        for j in range(self.n_held):
            i = self.held[j]
            equity += self.position[i] * (self.price[i] if self.price[i] > 0 else self.mark[i])
        if equity <= 0:
            return 0
        status = self._size_all(decided, k, cython.cast(cython.double, equity))
        if status == 0 and self.max_participation >= 0.0:
            self._cap_participation(t)
        if status == 0 and self.max_turnover >= 0.0:
            self._cap_turnover(cython.cast(cython.double, equity))
        if status == 0:
            status = self._trade_all(t, self.sells, self.n_sells)
        if status != 0:
            return status
        if self.reserves and self.row_is_long and self.row_gross <= 1.0 + 1e-9:
            return self._buy_within_cash(t)
        return self._trade_all(t, self.buys, self.n_buys)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _size_all(self, decided: cython.Py_ssize_t, k: cython.Py_ssize_t, equity: cython.double) -> cython.int:
        """The trade that takes every candidate to its weight, before caps, and which of them sell and buy.

        Options are copied first: the compiler may not read ahead of a branch what only one side of it needs.
        """
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        n_sells: cython.Py_ssize_t = 0
        n_buys: cython.Py_ssize_t = 0
        held: cython.longlong
        price: cython.longlong
        delta: cython.longlong
        weight: cython.double
        value: cython.double
        at: cython.double
        part: cython.double = self.invested
        invested: cython.double = equity * part
        band: cython.double = self.band
        by_delta: cython.bint = self.by_delta
        in_lots: cython.bint = self.lot != 1
        for j in range(self.n_candidates):
            i = self.candidate[j]
            held = self.position[i]
            weight = self.weights[k, i]
            price = self.price[i]
            at = cython.cast(cython.double, price)
            delta = 0
            if price == 0 or decided <= self.blocked[i]:
                pass
            elif weight == 0.0:
                delta = -held
            elif band > 0.0 and fabs(weight * part - cython.cast(cython.double, held) * at / equity) < band:
                pass
            elif by_delta:
                value = invested * weight
                if not fabs(value) < LIMIT:
                    self.error_column = i
                    return MONEY_RANGE
                delta = self._whole_lots((cython.cast(cython.longlong, value) - held * price) // price)
            else:
                value = invested * weight / at
                if not fabs(value) < MAX_QUANTITY:
                    self.error_column = i
                    return QUANTITY_RANGE
                delta = cython.cast(cython.longlong, value)
                if in_lots:
                    delta = self._whole_lots(delta)
                delta -= held
            self.delta[i] = delta
            # Which trades are sales is random, so the lists are made without a branch to mispredict.
            self.sells[n_sells] = i
            n_sells += delta < 0
            self.buys[n_buys] = i
            n_buys += delta > 0
        self.n_sells = n_sells
        self.n_buys = n_buys
        return 0

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-4611686018427387904, check=False)
    def _whole_lots(self, quantity: cython.longlong) -> cython.longlong:
        """Truncated toward zero onto the lot grid."""
        return quantity if self.lot == 1 else quantity - quantity % self.lot

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-4611686018427387904, check=False)
    def _shrunk(self, quantity: cython.longlong, factor: cython.double) -> cython.longlong:
        return self._whole_lots(cython.cast(cython.longlong, cython.cast(cython.double, quantity) * factor))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _cap_participation(self, t: cython.Py_ssize_t) -> cython.int:
        """Cut every trade to its part of the average volume."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        most: cython.double
        cap: cython.longlong
        for j in range(self.n_candidates):
            i = self.candidate[j]
            if self.delta[i] == 0:
                continue
            self._measure(i, t)
            most = self.max_participation * self.average_volume[i]
            cap = cython.cast(cython.longlong, most if most < MAX_QUANTITY else MAX_QUANTITY)
            if self.delta[i] > cap:
                self.delta[i] = self._whole_lots(cap)
            elif self.delta[i] < -cap:
                self.delta[i] = -self._whole_lots(cap)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _cap_turnover(self, equity: cython.double) -> cython.int:
        """Shrink every trade by one factor where half of what is bought and sold exceeds the cap."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        total: cython.double = 0.0
        allowed: cython.double = 2.0 * self.max_turnover * equity
        for j in range(self.n_candidates):
            i = self.candidate[j]
            total += fabs(cython.cast(cython.double, self.delta[i])) * cython.cast(cython.double, self.price[i])
        if total <= allowed:
            return 0
        for j in range(self.n_candidates):
            i = self.candidate[j]
            self.delta[i] = self._shrunk(self.delta[i], allowed / total)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _buy_within_cash(self, t: cython.Py_ssize_t) -> cython.int:
        """Buy, shrinking all purchases by one factor until they and their costs fit the cash at hand.

        The factor is found by at most CASH_ATTEMPTS corrections; where a minimum commission or impact keeps
        them from fitting, the purchases are then made in column order, each as large as the cash left allows.
        """
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        attempt: cython.int
        status: cython.int
        needed: cython.longlong
        factor: cython.double = 1.0
        cash: cython.double = cython.cast(cython.double, self.cash if self.cash > 0 else 0)
        for attempt in range(CASH_ATTEMPTS):
            for j in range(self.n_buys):
                i = self.buys[j]
                if attempt == 0:
                    self.asked[j] = self.delta[i]
                else:
                    self.delta[i] = self._shrunk(self.asked[j], factor)
            needed = self._needed(t)
            if needed > MAX_MONEY:
                return MONEY_RANGE
            if needed <= self.cash or needed == 0:
                return self._trade_all(t, self.buys, self.n_buys)
            factor = factor * (cash / cython.cast(cython.double, needed))
        for j in range(self.n_buys):
            i = self.buys[j]
            self.delta[i] = self._affordable(i, t, self.delta[i], self.price[i])
            status = self._trade_all(t, self.buys[j:], 1)
            if status != 0:
                return status
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _needed(self, t: cython.Py_ssize_t) -> cython.longlong:
        """What the purchases cost in all; more than MAX_MONEY stands for too much."""
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        units: cython.double
        amount: cython.double
        needed: cython.longlong = 0
        for j in range(self.n_buys):
            i = self.buys[j]
            units = cython.cast(cython.double, self.delta[i])
            amount = units * cython.cast(cython.double, self.price[i])
            if amount > LIMIT:
                self.error_column = i
                return MAX_MONEY + 1
            if self.delta[i] > 0:
                needed += self.delta[i] * self.price[i] + self._cost(i, t, amount, units)
            if needed > MAX_MONEY:
                self.error_column = i
                return needed
        return needed

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _affordable(
        self, i: cython.Py_ssize_t, t: cython.Py_ssize_t, quantity: cython.longlong, price: cython.longlong
    ) -> cython.longlong:
        """The purchase itself if the cash pays for it, else it shrunk once in proportion, else nothing."""
        needed: cython.longlong = self._with_cost(i, t, quantity, price)
        if needed <= self.cash:
            return quantity
        if self.cash <= 0:
            return 0
        quantity = self._shrunk(quantity, cython.cast(cython.double, self.cash) / cython.cast(cython.double, needed))
        return quantity if self._with_cost(i, t, quantity, price) <= self.cash else 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _with_cost(
        self, i: cython.Py_ssize_t, t: cython.Py_ssize_t, quantity: cython.longlong, price: cython.longlong
    ) -> cython.longlong:
        units: cython.double = cython.cast(cython.double, quantity)
        if quantity == 0:
            return 0
        return quantity * price + self._cost(i, t, units * cython.cast(cython.double, price), units)

    # Corporate actions.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _corporate_actions(self, t: cython.Py_ssize_t) -> cython.int:
        """Dividends on what was held at the last close, then splits."""
        i: cython.Py_ssize_t
        status: cython.int
        amount: cython.double
        for i in range(self.n_symbols):
            if self.has_dividend and self.position[i] != 0 and self.dividend[t, i] > 0.0:
                amount = fabs(cython.cast(cython.double, self.position[i])) * (self.dividend[t, i] * self.scale)
                if not amount < LIMIT:
                    self.error_column = i
                    return MONEY_RANGE
                self._receive(amount, self.position[i] > 0)
            if self.has_split and self.split[t, i] == self.split[t, i] and self.split[t, i] != 1.0:
                status = self._split(i, t, self.split[t, i])
                if status != 0:
                    return status
            if self.cash > MAX_MONEY or self.cash < -MAX_MONEY:
                self.error_column = i
                return MONEY_RANGE
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _receive(self, amount: cython.double, is_long: cython.bint) -> cython.int:
        """Cash in for a long, out for a short."""
        money: cython.longlong = cython.cast(cython.longlong, amount + 0.5)
        if not is_long:
            money = -money
        self.cash += money
        self.income += money
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _split(self, i: cython.Py_ssize_t, t: cython.Py_ssize_t, ratio: cython.double) -> cython.int:
        """New quantity, the fraction of a unit paid in cash, and every remembered price on the new footing."""
        held: cython.double = cython.cast(cython.double, self.position[i])
        exact: cython.double = fabs(held) * ratio
        whole: cython.double = rint(exact)
        price: cython.double
        j: cython.Py_ssize_t
        self.mark[i] = self._rescaled(self.mark[i], ratio)
        self.range_close[i] = self._rescaled(self.range_close[i], ratio)
        self.average_range[i] = self.average_range[i] / ratio
        if held == 0.0:
            return 0
        if not exact < MAX_QUANTITY:
            self.error_column = i
            return QUANTITY_RANGE
        # A ratio such as 1/3 is not exact in binary: 300 shares must not become 99 and a fraction.
        if fabs(exact - whole) > 1e-9 * (exact if exact > 1.0 else 1.0):
            whole = cython.cast(cython.double, cython.cast(cython.longlong, exact))
            price = cython.cast(cython.double, self._price_of_day(i, t))
            if not (exact - whole) * price < LIMIT:
                self.error_column = i
                return MONEY_RANGE
            self._receive((exact - whole) * price, held > 0.0)
        self._hold(i, cython.cast(cython.longlong, whole if held > 0.0 else -whole))
        self.most_held += whole
        if self.has_stops:
            self.entry[i] = self._rescaled(self.entry[i], ratio)
            self.best[i] = self._rescaled(self.best[i], ratio)
            self.last_seen[i] = self._rescaled(self.last_seen[i], ratio)
            for j in range(self.changes.shape[0]):
                self.changes[j, i] = cython.cast(
                    cython.longlong, cython.cast(cython.double, self.changes[j, i]) / ratio + 0.5
                )
        return 0

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _rescaled(self, price: cython.longlong, ratio: cython.double) -> cython.longlong:
        """A price on the footing after a split: half up, at least one unit, within the largest price."""
        after: cython.double = cython.cast(cython.double, price) / ratio + 0.5
        if price == 0:
            return 0
        after = after if after < MAX_PRICE else MAX_PRICE
        self.price_bits |= cython.cast(cython.longlong, after if after > 1.0 else 1.0)
        return cython.cast(cython.longlong, after if after > 1.0 else 1.0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _price_of_day(self, i: cython.Py_ssize_t, t: cython.Py_ssize_t) -> cython.longlong:
        """Open of the session, else its close, else the last known price."""
        units: cython.longlong = 0
        if self.has_open and self.open[t, i] >= self.least_price and self.open[t, i] < self.most_price:
            units = self._quote(t, i, OPEN)
        if units == 0:
            units = self._quote(t, i, CLOSE)
        return units if units > 0 else self.mark[i]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _delist(self, t: cython.Py_ssize_t) -> cython.int:
        """Close what is held of symbols that ended on the session before, at their terminal value."""
        i: cython.Py_ssize_t
        status: cython.int
        exact: cython.double
        price: cython.longlong
        for i in range(self.n_symbols):
            if self.delisting_row[i] == t and self.position[i] != 0:
                exact = cython.cast(cython.double, self.mark[i]) * (1.0 + self.terminal[i]) + 0.5
                if not (exact < MAX_PRICE and fabs(cython.cast(cython.double, self.position[i])) * exact <= LIMIT):
                    self.error_column = i
                    return MONEY_RANGE
                price = cython.cast(cython.longlong, exact)
                self.price_bits |= price
                status = self._book(i, t, -self.position[i], price, DELISTING, -self.position[i] * price, 0)
                if status != 0:
                    return status
        return 0

    # Stops.

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _level(self, i: cython.Py_ssize_t) -> cython.longlong:
        """The tightest stop level of an open position, 0 where none is active; its kind in ``level_reason``."""
        sign: cython.double = 1.0 if self.position[i] > 0 else -1.0
        level: cython.longlong = 0
        width: cython.double
        self.level_reason = 0
        if self.fixed > 0.0:
            level = self._tighter(
                level, cython.cast(cython.double, self.entry[i]) * (1.0 - sign * self.fixed), sign, FIXED_STOP
            )
        if self.trailing > 0.0:
            level = self._tighter(
                level, cython.cast(cython.double, self.best[i]) * (1.0 - sign * self.trailing), sign, TRAILING_STOP
            )
        if self.atr_multiple > 0.0:
            width = self._average_range(i)
            if width >= 0.0:
                level = self._tighter(
                    level, cython.cast(cython.double, self.best[i]) - sign * self.atr_multiple * width, sign, ATR_STOP
                )
        return level

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _tighter(
        self, level: cython.longlong, candidate: cython.double, sign: cython.double, reason: cython.int
    ) -> cython.longlong:
        rounded: cython.longlong
        candidate = candidate + 0.5
        candidate = candidate if candidate < MAX_PRICE else MAX_PRICE
        rounded = cython.cast(cython.longlong, candidate if candidate > 1.0 else 1.0)
        if self.level_reason == 0 or (rounded > level if sign > 0.0 else rounded < level):
            self.level_reason = reason
            return rounded
        return level

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-2.0, check=False)
    def _average_range(self, i: cython.Py_ssize_t) -> cython.double:
        """Average true range, or average absolute change since entry by option; -1 while unknown."""
        n: cython.longlong
        j: cython.Py_ssize_t
        total: cython.double = 0.0
        if self.wilder:
            return self.average_range[i] if self.n_ranges[i] >= self.atr_period else -1.0
        n = self.n_changes[i] if self.n_changes[i] < self.atr_period else self.atr_period
        if n == 0:
            return -1.0
        for j in range(n):
            total += cython.cast(cython.double, self.changes[j, i])
        return total / cython.cast(cython.double, n)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _exit(
        self,
        i: cython.Py_ssize_t,
        t: cython.Py_ssize_t,
        level: cython.longlong,
        price: cython.longlong,
    ) -> cython.int:
        """Leave a whole position because of a stop."""
        reason: cython.int = self.level_reason
        status: cython.int
        self.price_bits |= price
        status = self._trade(i, t, -self.position[i], price, reason)
        if status != 0 or self.skipped:
            return status
        self.blocked[i] = t + self.reentry_after
        self.stops[self.n_stops, 0] = t
        self.stops[self.n_stops, 1] = i
        self.stops[self.n_stops, 2] = level
        self.stops[self.n_stops, 3] = price
        self.stops[self.n_stops, 4] = reason
        self.n_stops += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _stop_at_open(self, t: cython.Py_ssize_t) -> cython.int:
        """Positions that open beyond their level leave at the open."""
        i: cython.Py_ssize_t
        status: cython.int
        level: cython.longlong
        price: cython.longlong
        for i in range(self.n_symbols):
            if self.position[i] == 0:
                continue
            price = self._quote(t, i, OPEN)
            level = self._level(i) if price > 0 else 0
            if level > 0 and (price <= level if self.position[i] > 0 else price >= level):
                status = self._exit(i, t, level, price)
                if status != 0:
                    return status
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _stop_in_range(self, t: cython.Py_ssize_t) -> cython.int:
        """Positions whose level lies within the bar leave at the level, never better than the bar traded."""
        i: cython.Py_ssize_t
        status: cython.int
        level: cython.longlong
        price: cython.longlong
        high: cython.longlong
        low: cython.longlong
        for i in range(self.n_symbols):
            if self.position[i] == 0:
                continue
            high = self._quote(t, i, HIGH)
            low = self._quote(t, i, LOW)
            level = self._level(i)
            if high == 0 or low == 0 or level == 0:
                continue
            if self.position[i] > 0:
                if low > level:
                    continue
                price = level if level < high else high
            else:
                if high < level:
                    continue
                price = level if level > low else low
            status = self._exit(i, t, level, price)
            if status != 0:
                return status
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _stop_at_close(self, t: cython.Py_ssize_t) -> cython.int:
        """Bring the trackers up to this close and, where stops look at closes, leave at the close."""
        i: cython.Py_ssize_t
        status: cython.int
        level: cython.longlong
        seen: cython.longlong
        close: cython.longlong
        change: cython.longlong
        for i in range(self.n_symbols):
            if self.position[i] == 0 or (self.opened[i] == t and self.fill != NEXT_OPEN):
                continue
            close = seen = self._quote(t, i, CLOSE)
            if self.intrabar:
                seen = self._quote(t, i, HIGH if self.position[i] > 0 else LOW)
            if seen > 0 and (seen > self.best[i] if self.position[i] > 0 else seen < self.best[i]):
                self.best[i] = seen
            if close == 0:
                continue
            if self.atr_multiple > 0.0 and not self.wilder:
                change = close - self.last_seen[i]
                self.changes[self.n_changes[i] % self.atr_period, i] = change if change > 0 else -change
                self.n_changes[i] += 1
                self.last_seen[i] = close
            if self.intrabar:
                continue
            level = self._level(i)
            if level > 0 and (close <= level if self.position[i] > 0 else close >= level):
                status = self._exit(i, t, level, close)
                if status != 0:
                    return status
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _update_ranges(self, t: cython.Py_ssize_t) -> cython.int:
        """Wilder's average true range of every symbol, this bar included."""
        i: cython.Py_ssize_t
        high: cython.longlong
        low: cython.longlong
        close: cython.longlong
        widest: cython.longlong
        period: cython.double = cython.cast(cython.double, self.atr_period)
        for i in range(self.n_symbols):
            high = self._quote(t, i, HIGH)
            low = self._quote(t, i, LOW)
            close = self._quote(t, i, CLOSE)
            if high == 0 or low == 0 or close == 0:
                continue
            widest = high - low
            if self.range_close[i] > 0:
                widest = max(widest, high - self.range_close[i], self.range_close[i] - low)
            self.range_close[i] = close
            self.n_ranges[i] += 1
            if self.n_ranges[i] <= self.atr_period:
                # A sum until the first `period` ranges are there, then their plain mean.
                self.average_range[i] += cython.cast(cython.double, widest)
                if self.n_ranges[i] == self.atr_period:
                    self.average_range[i] = self.average_range[i] / period
            else:
                self.average_range[i] = (
                    self.average_range[i] * (period - 1.0) + cython.cast(cython.double, widest)
                ) / period
        return 0

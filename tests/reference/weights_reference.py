"""The weights backtest again, slow and obvious: one symbol, one price and one Python integer at a time.

Written from docs/backtest.md. Money, prices and quantities are Python integers, which cannot overflow; decisions are
Python floats, which are the same IEEE doubles as the engine's. Every output must agree to the last bit.
"""

import math
from dataclasses import dataclass, field
from typing import Any

MAX_PRICE = 2**50


@dataclass
class Options:
    """What one run is asked to do, in the units of the books."""

    price_scale: int = 10_000
    quantity_scale: int = 1
    cash: int = 10**10
    fill: str = "next_open"
    trade_rounding: bool = False
    reserve_costs: bool = True
    cash_buffer: float = 0.0
    no_trade_band: float = 0.0
    max_turnover: float | None = None
    max_participation: float | None = None
    adv_window: int = 21
    impact_window: int = 21
    lot_size: int = 1
    floor_costs: bool = False
    commission_bps: float = 0.0
    commission_per_share: float = 0.0
    min_commission: int = 0
    half_spread_bps: float = 0.0
    impact_coef: float = 0.0
    borrow_bps_year: float = 0.0
    periods_per_year: float = 252.0
    fixed_pct: float | None = None
    trailing_pct: float | None = None
    atr_multiple: float | None = None
    atr_period: int = 14
    intrabar: bool = False
    wilder: bool = True
    reentry_after: int = 0

    @property
    def has_stops(self) -> bool:
        return self.fixed_pct is not None or self.trailing_pct is not None or self.atr_multiple is not None


@dataclass
class Tracker:
    """What a stop remembers of an open position."""

    entry: int
    best: int
    opened: int
    last_seen: int
    changes: list[int] = field(default_factory=list)


class Reference:
    """One run. Matrices are lists of lists of floats, sessions first; ``nan`` is a missing price or a hold."""

    def __init__(self, weights: Any, bars: dict[str, Any], options: Options, delisting: Any = None) -> None:
        self.weights = weights
        self.bars = bars
        self.o = options
        self.n_dates = len(bars["close"])
        self.n_symbols = len(bars["close"][0])
        self.delisting = delisting
        self.cash = options.cash
        self.held = [0] * self.n_symbols
        self.mark = [0] * self.n_symbols
        self.tracker: list[Tracker | None] = [None] * self.n_symbols
        self.blocked = [-(10**9)] * self.n_symbols
        self.range_sum = [0.0] * self.n_symbols
        self.n_ranges = [0] * self.n_symbols
        self.atr: list[float | None] = [None] * self.n_symbols
        self.atr_close = [0] * self.n_symbols
        self.trades: list[tuple[int, int, int, int, int, str]] = []
        self.stop_events: list[tuple[int, int, int, int, str]] = []
        self.rows: list[dict[str, int]] = []
        self.holdings: list[list[int]] = []
        self.marks: list[list[int]] = []

    def run(self) -> "Reference":
        for t in range(self.n_dates):
            self.today = dict.fromkeys(("commission", "spread", "impact", "borrow", "income", "traded"), 0)
            self.session(t)
            equity = self.cash + sum(q * p for q, p in zip(self.held, self.mark, strict=True))
            self.rows.append({"cash": self.cash, "equity": equity, **self.today})
            self.holdings.append(list(self.held))
            self.marks.append(list(self.mark))
        return self

    # The order of a session.

    def session(self, t: int) -> None:
        o = self.o
        self.dividends(t)
        self.splits(t)
        self.delist(t)
        if o.intrabar and o.has_stops:
            self.stops_at_open(t)
        decided = t if o.fill == "same_close" else t - 1
        row = self.weights[decided] if decided >= 0 else None
        if row is not None and o.fill == "next_open":
            self.rebalance(t, decided, row, [self.price("open", t, i) for i in range(self.n_symbols)])
        if o.intrabar and o.has_stops:
            self.stops_in_range(t)
        if row is not None and o.fill in ("same_close", "next_close"):
            self.rebalance(t, decided, row, [self.price("close", t, i) for i in range(self.n_symbols)])
        if row is not None and o.fill == "vwap_proxy":
            self.rebalance(t, decided, row, [self.typical(t, i) for i in range(self.n_symbols)])
        for i in range(self.n_symbols):
            if self.price("close", t, i):
                self.mark[i] = self.price("close", t, i)
        if o.has_stops:
            self.true_ranges(t)
            for i in range(self.n_symbols):
                self.stop_at_close(t, i)
        short = sum(-q * p for q, p in zip(self.held, self.mark, strict=True) if q < 0)
        if o.borrow_bps_year > 0:
            fee = self.rounded(float(short) * o.borrow_bps_year / 10000.0 / o.periods_per_year)
            self.cash -= fee
            self.today["borrow"] = fee

    # Prices.

    def units(self, x: float) -> int:
        return 0 if math.isnan(x) else max(1, math.floor(x * float(self.o.price_scale) + 0.5))

    def price(self, name: str, t: int, i: int) -> int:
        matrix = self.bars.get(name)
        return 0 if matrix is None else self.units(matrix[t][i])

    def typical(self, t: int, i: int) -> int:
        total = self.bars["open"][t][i] + self.bars["high"][t][i] + self.bars["low"][t][i] + self.bars["close"][t][i]
        return self.units(total / 4.0)

    # Corporate actions.

    def cell(self, name: str, t: int, i: int, default: float) -> float:
        if self.bars.get(name) is None or math.isnan(self.bars[name][t][i]):
            return default
        return self.bars[name][t][i]

    def receive(self, amount: float, is_long: bool) -> None:
        money = math.floor(amount + 0.5) * (1 if is_long else -1)
        self.cash += money
        self.today["income"] += money

    def dividends(self, t: int) -> None:
        for i, q in enumerate(self.held):
            per_share = self.cell("dividend", t, i, 0.0)
            if q and per_share > 0:
                self.receive(float(abs(q)) * (per_share * float(self.o.price_scale)), q > 0)

    def rescaled(self, price: int, ratio: float) -> int:
        return max(1, math.floor(float(price) / ratio + 0.5)) if price else 0

    def splits(self, t: int) -> None:
        for i in range(self.n_symbols):
            ratio = self.cell("split", t, i, 1.0)
            if ratio == 1.0:
                continue
            self.mark[i] = self.rescaled(self.mark[i], ratio)
            self.atr_close[i] = self.rescaled(self.atr_close[i], ratio)
            self.range_sum[i] = self.range_sum[i] / ratio
            if self.atr[i] is not None:
                self.atr[i] = self.atr[i] / ratio
            q = self.held[i]
            if q == 0:
                continue
            exact = float(abs(q)) * ratio
            whole = round(exact)  # both round half to even
            if abs(exact - whole) > 1e-9 * max(exact, 1.0):
                whole = math.trunc(exact)
                price = self.price("open", t, i) or self.price("close", t, i) or self.mark[i]
                self.receive((exact - whole) * float(price), q > 0)
            self.held[i] = whole if q > 0 else -whole
            tracker = self.tracker[i] = self.tracker[i] if whole else None
            if tracker:
                tracker.entry = self.rescaled(tracker.entry, ratio)
                tracker.best = self.rescaled(tracker.best, ratio)
                tracker.last_seen = self.rescaled(tracker.last_seen, ratio)
                tracker.changes = [math.floor(float(c) / ratio + 0.5) for c in tracker.changes]

    def delist(self, t: int) -> None:
        if self.delisting is None:
            return
        for i in range(self.n_symbols):
            closes = [s for s in range(self.n_dates) if not math.isnan(self.bars["close"][s][i])]
            if closes and closes[-1] == t - 1 and self.held[i] and not math.isnan(self.delisting[i]):
                price = math.floor(float(self.mark[i]) * (1.0 + self.delisting[i]) + 0.5)
                self.book(t, i, -self.held[i], price, "delisting", (0, 0, 0))

    # Costs and fills.

    def rounded(self, amount: float) -> int:
        return math.floor(amount + (0.0 if self.o.floor_costs else 0.5))

    def average_volume(self, t: int, i: int) -> float:
        past = [self.bars["volume"][s][i] for s in range(max(0, t - self.o.adv_window), t)]
        total = 0.0
        for volume in past:
            total += 0.0 if math.isnan(volume) else volume
        return total / float(len(past)) * float(self.o.quantity_scale) if past else 0.0

    def volatility(self, t: int, i: int) -> float:
        moves = []
        for s in range(max(1, t - self.o.impact_window), t):
            before, now = self.bars["close"][s - 1][i], self.bars["close"][s][i] * self.cell("split", s, i, 1.0)
            if not math.isnan(before) and not math.isnan(now):
                moves.append(math.log(now / before))
        if len(moves) < 2:
            return 0.0
        mean, squares = 0.0, 0.0
        for move in moves:
            mean += move
        mean = mean / float(len(moves))
        for move in moves:
            squares += (move - mean) * (move - mean)
        return math.sqrt(squares / float(len(moves) - 1))

    def costs(self, t: int, i: int, quantity: int, price: int) -> tuple[int, int, int]:
        o, notional, units = self.o, float(quantity * price), float(quantity)
        per_unit = o.commission_per_share * o.price_scale
        commission = max(self.rounded(notional * o.commission_bps / 10000.0 + units * per_unit), o.min_commission)
        spread = self.rounded(notional * o.half_spread_bps / 10000.0)
        impact = 0
        if o.impact_coef > 0:
            volume = self.average_volume(t, i)
            part = units / volume if volume > 0 else 1.0
            impact = self.rounded(o.impact_coef * self.volatility(t, i) * math.sqrt(part) * notional)
        return commission, spread, impact

    def fill(self, t: int, i: int, delta: int, price: int, reason: str) -> bool:
        parts = self.costs(t, i, abs(delta), price)
        notional, cost = abs(delta) * price, sum(parts)
        sells_long = delta < 0 < self.held[i]
        if self.o.reserve_costs and sells_long and cost > notional and self.cash + notional - cost < 0:
            return False
        self.today["traded"] += notional
        self.book(t, i, delta, price, reason, parts)
        return True

    def book(self, t: int, i: int, delta: int, price: int, reason: str, parts: tuple[int, int, int]) -> None:
        before, after = self.held[i], self.held[i] + delta
        self.cash -= delta * price + sum(parts)
        for kind, part in zip(("commission", "spread", "impact"), parts, strict=True):
            self.today[kind] += part
        self.held[i] = after
        self.mark[i] = price
        self.trades.append((t, i, delta, price, sum(parts), reason))
        if after == 0:
            self.tracker[i] = None
        elif before == 0 or (before > 0) != (after > 0):
            self.tracker[i] = Tracker(price, price, t, price)

    # Rebalancing.

    def lots(self, quantity: int) -> int:
        size = abs(quantity) // self.o.lot_size * self.o.lot_size
        return size if quantity > 0 else -size

    def rebalance(self, t: int, decided: int, row: list[float], prices: list[int]) -> None:
        o = self.o
        stated = [w for w in row if not math.isnan(w)]
        if not stated:
            return
        equity = self.cash + sum(q * (p or m) for q, p, m in zip(self.held, prices, self.mark, strict=True))
        if equity <= 0:
            return
        deltas: dict[int, int] = {}
        for i, w in enumerate(row):
            if math.isnan(w) or prices[i] == 0 or (o.has_stops and decided <= self.blocked[i]):
                continue
            delta = self.size(t, i, w, prices[i], float(equity))
            if delta:
                deltas[i] = delta
        if o.max_turnover is not None:
            total = 0.0
            for i, delta in deltas.items():
                total += abs(float(delta)) * float(prices[i])
            allowed = 2.0 * o.max_turnover * float(equity)
            if total > allowed:
                deltas = {i: self.lots(math.trunc(float(d) * (allowed / total))) for i, d in deltas.items()}
        for i, delta in deltas.items():
            if delta < 0:
                self.fill(t, i, delta, prices[i], "rebalance")
        buys = {i: delta for i, delta in deltas.items() if delta > 0}
        if o.reserve_costs and min(stated) >= 0 and math.fsum(stated) <= 1 + 1e-9:
            self.buy_within_cash(t, buys, prices)
            return
        for i, delta in buys.items():
            self.fill(t, i, delta, prices[i], "rebalance")

    def size(self, t: int, i: int, w: float, price: int, equity: float) -> int:
        o, q = self.o, self.held[i]
        invested = 1.0 - o.cash_buffer
        if w == 0:
            delta = -q
        else:
            if o.no_trade_band > 0 and abs(w * invested - float(q) * float(price) / equity) < o.no_trade_band:
                return 0
            value = equity * invested * w
            if o.trade_rounding:
                gap = math.trunc(value) - q * price
                delta = self.lots(abs(gap) // price * (1 if gap > 0 else -1))
            else:
                delta = self.lots(math.trunc(value / float(price))) - q
        if o.max_participation is not None:
            cap = math.trunc(min(o.max_participation * self.average_volume(t, i), 2.0**53))
            if abs(delta) > cap:
                delta = self.lots(cap if delta > 0 else -cap)
        return delta

    def buy_within_cash(self, t: int, buys: dict[int, int], prices: list[int]) -> None:
        def needed(sizes: dict[int, int]) -> int:
            return sum(q * prices[i] + sum(self.costs(t, i, q, prices[i])) for i, q in sizes.items() if q > 0)

        factor, sizes, last, fits = 1.0, dict(buys), dict(buys), False
        for _ in range(8):
            total = needed(sizes)
            if total <= self.cash or total == 0:
                fits = True
                break
            factor = factor * (float(max(self.cash, 0)) / float(total))
            last, sizes = sizes, {i: self.lots(math.trunc(float(q) * factor)) for i, q in buys.items()}
        if not fits:
            sizes = last
        for i, q in sizes.items():
            if q > 0 and not fits:
                cost = q * prices[i] + sum(self.costs(t, i, q, prices[i]))
                if cost > self.cash:
                    q = self.lots(math.trunc(float(q) * (float(max(self.cash, 0)) / float(cost))))
                    if q > 0 and q * prices[i] + sum(self.costs(t, i, q, prices[i])) > self.cash:
                        q = 0
            if q > 0:
                self.fill(t, i, q, prices[i], "rebalance")

    # Stops.

    def true_ranges(self, t: int) -> None:
        if not (self.o.wilder and self.o.atr_multiple is not None):
            return
        period = self.o.atr_period
        for i in range(self.n_symbols):
            high, low, close = (self.price(name, t, i) for name in ("high", "low", "close"))
            if not (high and low and close):
                continue
            before = self.atr_close[i]
            widest = float(max(high - low, high - before, before - low) if before else high - low)
            self.atr_close[i] = close
            if self.atr[i] is not None:
                self.atr[i] = (self.atr[i] * (float(period) - 1.0) + widest) / float(period)
                continue
            self.range_sum[i] += widest
            self.n_ranges[i] += 1
            if self.n_ranges[i] == period:
                self.atr[i] = self.range_sum[i] / float(period)

    def level(self, i: int) -> tuple[int, str]:
        o, tracker = self.o, self.tracker[i]
        assert tracker is not None
        sign = 1.0 if self.held[i] > 0 else -1.0
        levels: list[tuple[int, str]] = []

        def add(x: float, reason: str) -> None:
            levels.append((min(max(1, math.floor(x + 0.5)), MAX_PRICE), reason))

        if o.fixed_pct is not None:
            add(float(tracker.entry) * (1.0 - sign * o.fixed_pct), "fixed_stop")
        if o.trailing_pct is not None:
            add(float(tracker.best) * (1.0 - sign * o.trailing_pct), "trailing_stop")
        if o.atr_multiple is not None:
            width = self.atr[i] if o.wilder else None
            if not o.wilder and tracker.changes:
                recent = tracker.changes[-o.atr_period :]
                width = float(sum(recent)) / float(len(recent))
            if width is not None:
                add(float(tracker.best) - sign * o.atr_multiple * width, "atr_stop")
        if not levels:
            return 0, ""
        tightest = max(x for x, _ in levels) if sign > 0 else min(x for x, _ in levels)
        return next((x, reason) for x, reason in levels if x == tightest)

    def exit(self, t: int, i: int, level: int, price: int, reason: str) -> None:
        if self.fill(t, i, -self.held[i], price, reason):
            self.blocked[i] = t + self.o.reentry_after
            self.stop_events.append((t, i, level, price, reason))

    def stops_at_open(self, t: int) -> None:
        for i, q in enumerate(list(self.held)):
            price = self.price("open", t, i)
            if q and price:
                level, reason = self.level(i)
                if level and (price <= level if q > 0 else price >= level):
                    self.exit(t, i, level, price, reason)

    def stops_in_range(self, t: int) -> None:
        for i, q in enumerate(list(self.held)):
            high, low = self.price("high", t, i), self.price("low", t, i)
            if not (q and high and low):
                continue
            level, reason = self.level(i)
            if level and q > 0 and low <= level:
                self.exit(t, i, level, min(level, high), reason)
            elif level and q < 0 and high >= level:
                self.exit(t, i, level, max(level, low), reason)

    def stop_at_close(self, t: int, i: int) -> None:
        o, tracker, q = self.o, self.tracker[i], self.held[i]
        if tracker is None or (tracker.opened == t and o.fill != "next_open"):
            return
        close = self.price("close", t, i)
        seen = self.price("high" if q > 0 else "low", t, i) if o.intrabar else close
        if seen:
            tracker.best = max(tracker.best, seen) if q > 0 else min(tracker.best, seen)
        if not close:
            return
        tracker.changes.append(abs(close - tracker.last_seen))
        tracker.last_seen = close
        if o.intrabar:
            return
        level, reason = self.level(i)
        if level and (close <= level if q > 0 else close >= level):
            self.exit(t, i, level, close, reason)

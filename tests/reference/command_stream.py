"""Seeded streams of exchange commands: every order type, colliding prices, ghosts, bad values, clocks, auctions.

``CommandStream(seed, profile)`` looks at the naive book to aim (ids that live, the phase, the clock), and is the same
for the same seed. A stream is a list of command tuples (``docs/exchange.md`` section 14), so it can be printed,
shrunk and replayed.
"""

from __future__ import annotations

import random

from nanodesk.market.instrument import Instrument
from reference.naive_book import NaiveDriver
from reference.naive_orders import BUY, MAX, MIN, SELL
from reference.stream_profiles import Profile

GHOST_ID = 10**9
BAD_INTEGERS = (0, -1, MAX, MAX + 1, MIN, MIN - 1, 2**64, -(2**70), 1.5, "7", None)
BAD_WORDS = ("", "GTX", "hold", "both")
OPTIONS = {  # the keywords of each command
    "limit": ("post_only", "display", "min_quantity", "reduce_only", "owner", "self_trade", "expire_ns"),
    "market": ("min_quantity", "reduce_only", "owner", "self_trade"),
    "pegged": ("limit_price", "tif", "expire_ns", "owner", "self_trade", "display"),
    "stop_market": ("owner", "self_trade", "reduce_only"),
    "stop_limit": ("owner", "self_trade", "reduce_only", "expire_ns"),
    "trail_market": ("owner", "self_trade", "reduce_only"),
    "trail_limit": ("owner", "self_trade", "reduce_only", "expire_ns"),
    "bracket": ("tif", "expire_ns", "contingency", "owner", "self_trade"),
}


class CommandStream:
    """An endless, seeded source of commands for one profile."""

    def __init__(self, seed: int, profile: Profile) -> None:
        self.rng = random.Random(f"{profile.name}:{seed}")
        self.profile = profile
        self.configuration = self._configuration()
        instrument = self.configuration.get("instrument")
        self.tick = instrument.tick_size if instrument else 1
        self.lot = instrument.lot_size if instrument else 1
        middle = max(100, profile.spread + 50) * self.tick
        self.center = 0 if instrument and instrument.allows_negative_price else middle
        self.driver = NaiveDriver(**self.configuration)
        self._makers = {name: getattr(self, f"_{name}") for name in profile.weights}

    def next(self) -> tuple:
        """The next command; ``apply`` it to ``driver`` before asking again."""
        command = self._makers[self._name()]()
        if self.rng.random() < self.profile.invalid_rate:
            command = self._spoil(command)
        return command

    # -- what to do ------------------------------------------------------------------------------------------------

    def _name(self) -> str:
        book = self.driver.book
        weights = dict(self.profile.weights)
        if book.phase == "auction" and "uncross" in weights:
            weights["uncross"] = 6
            weights["market"] = weights.get("market", 0) * 3
        if book.phase == "halted" and "resume" in weights:
            weights["resume"] = 30
        resting = len(book.resting[BUY]) + len(book.resting[SELL])
        if resting > self.profile.target_resting:
            weights["cancel"] = weights.get("cancel", 0) * 3
            weights["market"] = weights.get("market", 0) * 5
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def _configuration(self) -> dict:
        rng, profile = self.rng, self.profile
        configuration = dict(profile.configuration)
        if profile.has_instruments and rng.random() < 0.6:
            configuration["instrument"] = Instrument(
                "TEST",
                tick_size=rng.choice((1, 1, 5, 25)),
                lot_size=rng.choice((1, 1, 3, 10)),
                allows_negative_price=rng.random() < 0.5,
            )
        configuration["matching"] = rng.choice(profile.matchings)
        if configuration["matching"] != "price_time":
            configuration["fifo_percent"] = rng.choice((1, 25, 40, 75, 100))
            configuration["min_allocation"] = rng.choice((1, 1, 2, 5))
            configuration["top_order"] = rng.random() < 0.5
        configuration["cascade_limit"] = rng.choice((1, 2, 5, 100))
        configuration["max_display_parts"] = rng.choice((3, 1000))
        return configuration

    # -- values ----------------------------------------------------------------------------------------------------

    def _side(self) -> str:
        return self.rng.choice((BUY, SELL))

    def _price(self, side: str | None = None) -> int:
        if self.rng.random() < self.profile.extreme_rate:
            edge = self.rng.choice((MAX, MIN))
            price = edge - edge % self.tick + self.rng.randrange(-3, 4) * self.tick
            return max(MIN, min(MAX, price))
        lean = {BUY: -1, SELL: 1}.get(side or "", 0)
        if self.profile.is_wide:
            steps = self.rng.choice((lean or -1, lean or 1, 1, -1)) * int(2 ** self.rng.uniform(0, 55))
            return max(self.tick, self.center + steps * self.tick) if self.center else steps * self.tick
        steps = self.rng.randint(-self.profile.spread, self.profile.spread) + lean
        if self.profile.spread > 100 and lean:  # deep books: most orders wait on their own side
            steps = lean * (abs(steps) - 3)
        return self.center + steps * self.tick

    def _quantity(self) -> int:
        draw = self.rng.random()
        if draw < self.profile.extreme_rate / 3:
            return max(1, self.rng.choice((MAX, MAX // 2, 2**62, MAX - 5)) // self.lot) * self.lot
        if draw < 0.05 + self.profile.extreme_rate:
            return self.rng.randint(10, 300) * self.lot
        return self.rng.randint(1, 10) * self.lot

    def _id(self) -> int:
        """Mostly an order or stop that lives, sometimes one that did or never will."""
        book = self.driver.book
        draw = self.rng.random()
        if draw < self.profile.ghost_rate:
            return self.rng.choice((0, -1, GHOST_ID, book.next_id, book.next_id + 3, 2**64))
        if draw < self.profile.ghost_rate + 0.08:
            return self.rng.randint(1, book.next_id)
        live = [*book.resting[BUY], *book.resting[SELL], *book.parked, *book.held, *book.pending]
        linked = [item for item in live if item.group is not None]
        if linked and draw < 0.4:
            return self.rng.choice(linked).id
        return self.rng.choice(live).id if live else self.rng.randint(1, book.next_id)

    def _tif(self, tifs: tuple[str, ...] | None = None) -> str:
        tif = self.rng.choice(tifs or self.profile.tifs)
        book = self.driver.book
        no_close = book.session_close is None or book.session_close <= book.clock
        return "gtc" if tif == "day" and no_close and self.rng.random() < 0.9 else tif

    def _options(self, tif: str, quantity: int, names: tuple[str, ...]) -> dict:
        rng, allowed, options = self.rng, self.profile.options, {}
        if tif == "gtd" and "expire_ns" in names:
            options["expire_ns"] = self.driver.book.clock + rng.randint(1, 40)
        for name in names:
            if name in allowed and rng.random() < (0.45 if name == "self_trade" else 0.2):
                self._add_option(options, name, quantity)
        needs_owner = options.get("reduce_only") or "self_trade" in options
        if "owner" in names and (("owner" in allowed and rng.random() < 0.5) or (needs_owner and rng.random() < 0.97)):
            options["owner"] = rng.choice(self.profile.owners)
        can_rest = tif in ("gtc", "gtd", "day")
        for name in ("post_only", "display"):
            if not can_rest and rng.random() < 0.95:
                options.pop(name, None)
        if (options.get("post_only") or tif == "fok") and rng.random() < 0.95:
            options.pop("min_quantity", None)
        return options

    def _add_option(self, options: dict, name: str, quantity: int) -> None:
        rng = self.rng
        if name in ("post_only", "reduce_only"):
            options[name] = rng.random() < 0.9
        elif name == "display":
            options[name] = max(1, rng.randint(1, max(1, quantity // self.lot)) // rng.choice((1, 2, 3))) * self.lot
        elif name == "min_quantity":
            options[name] = rng.randint(1, max(1, quantity // self.lot)) * self.lot
        elif name == "self_trade":
            options[name] = rng.choice(("cancel_newest", "cancel_oldest", "cancel_both", "decrement", "decrement"))

    # -- commands --------------------------------------------------------------------------------------------------

    def _limit(self) -> tuple:
        side, quantity, tif = self._side(), self._quantity(), self._tif()
        return ("limit", side, self._price(side), quantity, tif, self._options(tif, quantity, OPTIONS["limit"]))

    def _brim(self) -> tuple:
        """A taker that reaches nothing, of just the quantity that a side still has room for, or a lot beside it."""
        side = self._side()
        room = (MAX - self.driver.book.committed(side)) // self.lot + self.rng.choice((-1, 0, 0, 1, 1))
        far = -3 if side == BUY else 3
        price = self.center + far * self.profile.spread * self.tick
        return ("limit", side, price, max(1, room) * self.lot, "ioc", {})

    def _market(self) -> tuple:
        quantity = self._quantity()
        return ("market", self._side(), quantity, self._options("ioc", quantity, OPTIONS["market"]))

    def _pegged(self) -> tuple:
        side, quantity = self._side(), self._quantity()
        tif = self._tif(("gtc", "gtd", "day") if "day" in self.profile.tifs else ("gtc",))
        options = self._options(tif, quantity, ("display", "self_trade", "owner", "expire_ns"))
        if tif != "gtc" or self.rng.random() < 0.2:
            options["tif"] = tif
        if self.rng.random() < 0.3:
            options["limit_price"] = self._price(side)
        offset = self.rng.randint(-3, 3) * self.rng.choice((1, self.tick))
        if self.rng.random() < self.profile.extreme_rate / 2:
            offset = self.rng.choice((MAX, MIN, MAX - 100, MIN + 100))
        return ("pegged", side, self.rng.choice(("bid", "ask", "mid")), quantity, offset, options)

    def _stop_market(self) -> tuple:
        quantity = self._quantity()
        options = self._options("ioc", quantity, ("reduce_only", "self_trade", "owner"))
        return ("stop_market", self._side(), self._price(), quantity, options)

    def _stop_limit(self) -> tuple:
        quantity, tif = self._quantity(), self._tif()
        options = self._options(tif, quantity, ("reduce_only", "self_trade", "owner", "expire_ns"))
        return ("stop_limit", self._side(), self._price(), self._price(), quantity, tif, options)

    def _trail_rule(self) -> tuple:
        rng = self.rng
        method = rng.choice(("fixed", "percentage", "sma_abs_change", "atr", "wilder_atr"))
        if rng.random() < self.profile.invalid_rate:
            return method, rng.choice((0, -1, 0.5, 1.2, 2.0, float("nan"), 1e6)), rng.randint(-1, 2)
        if method == "fixed":
            return method, rng.randint(1, 4) * self.tick, None
        if method == "percentage":
            return method, rng.choice((0.01, 0.03, 0.05, 1.0, 0.005)), None
        return method, rng.choice((0.5, 1.0, 1.7, 3.0)), rng.randint(1, 6)

    def _trail_market(self) -> tuple:
        _, side, price, quantity, options = self._stop_market()
        return ("trail_market", side, price, quantity, *self._trail_rule(), options)

    def _trail_limit(self) -> tuple:
        _, side, stop_price, limit_price, quantity, tif, options = self._stop_limit()
        return ("trail_limit", side, stop_price, limit_price, quantity, *self._trail_rule(), tif, options)

    def _bracket(self) -> tuple:
        side, price, quantity = self._side(), self._price(), self._quantity()
        tif = self._tif(("gtc", "gtd", "day") if "day" in self.profile.tifs else ("gtc",))
        options = self._options(tif, quantity, ("self_trade", "owner", "expire_ns"))
        if tif != "gtc":
            options["tif"] = tif
        if self.rng.random() < 0.6:
            options["contingency"] = self.rng.choice(("oco", "ouo"))
        away = 1 if side == BUY else -1
        if self.rng.random() < self.profile.invalid_rate:
            away = self.rng.choice((0, -away))
        profit = price + away * self.rng.randint(1, 4) * self.tick
        loss = price - away * self.rng.randint(1, 4) * self.tick
        return ("bracket", side, price, quantity, profit, loss, options)

    def _cancel(self) -> tuple:
        return ("cancel", self._id())

    def _reduce(self) -> tuple:
        return ("reduce", self._id(), self._quantity())

    def _modify(self) -> tuple:
        return ("modify", self._id(), self._price(), self._quantity())

    def _link(self) -> tuple:
        ids = tuple(self._id() for _ in range(self.rng.choice((2, 2, 2, 3, 4, 1))))
        if self.rng.random() < self.profile.invalid_rate:
            ids = tuple(range(1, self.rng.choice((101, 102))))
        return ("link", self.rng.choice(("oco", "ouo")), ids)

    def _position(self) -> tuple:
        quantity = self.rng.choice((0, 5, -5, 50, -50, 200, -200)) * self.lot
        if self.rng.random() < 0.05:
            quantity = self.rng.choice((MAX, -MAX, 7, -7))
        return ("position", self.rng.choice(self.profile.owners), quantity)

    def _clock(self) -> tuple:
        return ("clock", self.driver.book.clock + self.rng.choice((0, 1, 3, 10, 30)))

    def _session_close(self) -> tuple:
        return ("session_close", self.driver.book.clock + self.rng.randint(1, 60))

    def _band(self) -> tuple:
        width = self.profile.spread * self.tick
        low = self.center - self.rng.randint(0, width) if self.rng.random() < 0.5 else None
        high = self.center + self.rng.randint(0, width) if self.rng.random() < 0.5 else None
        return ("band", low, high)

    def _halt(self) -> tuple:
        return ("halt",)

    def _resume(self) -> tuple:
        return ("resume",)

    def _start_auction(self) -> tuple:
        return ("start_auction",)

    def _uncross(self) -> tuple:
        return ("uncross", self._price() if self.rng.random() < 0.4 else None)

    def _clear_trades(self) -> tuple:
        return ("clear_trades",)

    def _clear_order_history(self) -> tuple:
        return ("clear_order_history",)

    def _compact(self) -> tuple:
        return ("compact",)

    # -- bad input -------------------------------------------------------------------------------------------------

    def _spoil(self, command: tuple) -> tuple:
        """The command with one value that is wrong, or at least odd."""
        rng, parts = self.rng, list(command)
        if len(parts) == 1:
            return command
        at = rng.randrange(1, len(parts))
        value = parts[at]
        if isinstance(value, dict):
            parts[at] = self._spoil_options(value, OPTIONS[parts[0]])
        elif isinstance(value, str):
            parts[at] = rng.choice(BAD_WORDS)
        elif isinstance(value, int):
            off_grid = value + rng.choice((1, -1, self.tick // 2, self.lot // 2))
            parts[at] = rng.choice((*BAD_INTEGERS, off_grid, off_grid))
        return tuple(parts)

    def _spoil_options(self, options: dict, names: tuple[str, ...]) -> dict:
        rng = self.rng
        name = rng.choice(names)
        value = rng.choice((*BAD_INTEGERS, 1, 2, 2**32))
        if name in ("self_trade", "tif", "contingency"):
            value = rng.choice((*BAD_WORDS, "decrement", "ioc"))
        if name in ("post_only", "reduce_only"):
            value = True
        return {**options, name: value}

"""A naive, list-based exchange with every rule of ``docs/exchange.md``: the judge of the compiled one.

``NaiveDriver(**configuration).apply(command)`` takes one command tuple and gives the observation
``(result, trades, notices, bids, asks, hash)``. It is slow and obvious on purpose: each command works on plain lists,
and the siblings ``naive_*.py`` hold one subject each.
"""

from __future__ import annotations

from reference import naive_checks as checks
from reference.naive_auction import cancel_market_orders, indicative, uncross
from reference.naive_hash import state_hash
from reference.naive_matching import enter, in_band, reject, take_and_rest, would_cross
from reference.naive_orders import (
    BUY,
    MAX,
    MIN,
    RESTING_TIFS,
    SELL,
    TERMINAL,
    Group,
    Order,
    Peg,
    RefusedError,
    Stop,
    Trail,
)
from reference.naive_pegs import place_peg, reprice_pegs
from reference.naive_state import NaiveState
from reference.naive_stops import aftermath

LARGEST_GROUP = 100
LIMIT_FIELDS = ("owner", "self_trade", "post_only", "display", "reduce_only", "expire_ns")
# Commands that end with the aftermath if anything traded, and then with the repricing of pegs (R45).
ACTIVE = ("limit", "market", "pegged", "stop_market", "stop_limit", "trail_market", "trail_limit", "bracket")
ANSWERING = ("cancel", "reduce", "modify")  # they answer whether they did anything
REPRICING = (*ACTIVE, "cancel", "reduce", "modify", "clock", "resume", "uncross")


class NaiveDriver:
    """One book behind the driver of section 14."""

    def __init__(self, **configuration) -> None:
        self.book = NaiveState(**configuration)

    def apply(self, command: tuple) -> tuple:
        """Do one command; what can be seen of it."""
        book = self.book
        book.trades, book.notices = [], []
        name, *arguments = command
        try:
            result = getattr(self, f"_{name}")(*arguments)
        except RefusedError as refusal:
            result = ("error", refusal.kind, refusal.field)
        else:
            if name in REPRICING and not (name in ANSWERING and not result[1]):
                reprice_pegs(book)
        bids, asks = book.levels(BUY), book.levels(SELL)
        seen = result, tuple(book.trades), tuple(book.notices)
        return *seen, shown_levels(bids), shown_levels(asks), state_hash(book, bids, asks)

    def orders(self) -> dict[int, tuple]:
        """Every order known, by id."""
        return {
            o.id: (o.side, o.price, o.quantity, o.open, o.visible, o.filled, o.timestamp, o.tif, o.status, o.owner or 0)
            for o in self.book.orders.values()
        }

    def stops(self) -> dict[int, tuple]:
        """Every stop known, by id."""
        return {
            s.id: (s.side, s.stop_price, s.limit_price, s.open, s.status, s.timestamp, s.triggered_order_id)
            for s in self.book.stops.values()
        }

    def queries(self) -> dict[str, object]:
        """What the small questions answer: best prices, spread, last price, counts, phase, clock, auction price."""
        book = self.book
        bid, ask = book.best_price(BUY), book.best_price(SELL)
        return {
            "best": (bid, ask),
            "spread": None if bid is None or ask is None else ask - bid,
            "last": book.last_trade_price,
            "pending": len(book.pending),
            "phase": book.phase,
            "clock": book.clock,
            "indicative": indicative(book, None),
            "top": (shown_levels(book.levels(BUY))[:2], shown_levels(book.levels(SELL))[:2]),
            "committed": (book.committed(BUY), book.committed(SELL)),
            "queues": (self.queue(BUY), self.queue(SELL)),
        }

    def queue(self, side: str) -> list[int]:
        """Ids at the best price of a side, front first."""
        return [order.id for order in self.book.best_level(side)]

    def position(self, owner: int) -> int:
        return self.book.positions.get(owner, 0)

    def indicative(self, reference: int | None = None) -> tuple[int, int, int] | None:
        return indicative(self.book, reference)

    # -- submissions -----------------------------------------------------------------------------------------------

    def _limit(self, side, price, quantity, tif, options) -> tuple:
        book = self.book
        checks.check_submission(book, side, quantity, {"price": price}, options, tif=tif)
        checks.check_capacity(book, side, quantity)
        fields = {name: options[name] for name in LIMIT_FIELDS if name in options}
        order = self._new_order(side, price, quantity, tif=tif, **fields)
        return self._enter(order, options.get("min_quantity"))

    def _market(self, side, quantity, options) -> tuple:
        book = self.book
        checks.check_submission(book, side, quantity, {}, options, tif="ioc")
        checks.check_capacity(book, side, quantity)
        fields = {name: options[name] for name in ("owner", "self_trade", "reduce_only") if name in options}
        order = self._new_order(side, MAX if side == BUY else MIN, quantity, tif="ioc", is_market=True, **fields)
        return self._enter(order, options.get("min_quantity"))

    def _pegged(self, side, reference, quantity, offset, options) -> tuple:
        book = self.book
        tif = options.get("tif", "gtc")
        words = {"reference": (reference, ("bid", "ask", "mid"))}
        checks.check_types(quantity=quantity, offset=offset)
        with_offset = {**options, "offset": offset}
        checks.check_submission(book, side, quantity, {}, with_offset, tif=tif, words=words, tifs=RESTING_TIFS)
        checks.check_capacity(book, side, quantity)
        fields = {name: options[name] for name in ("owner", "self_trade", "display", "expire_ns") if name in options}
        peg = Peg(reference, offset, options.get("limit_price"))
        order = self._new_order(side, 0, quantity, tif=tif, peg=peg, **fields)
        if book.phase != "continuous":
            reject(book, order)
            return submit_result(order, book.phase, 0)
        book.orders[order.id] = order
        place_peg(book, order)
        return submit_result(order, None, 0)

    def _new_order(self, side, price, quantity, *, tif, **fields) -> Order:
        book = self.book
        order = Order(book.take_id(), side, price, quantity, book.take_timestamp(), tif=tif, **fields)
        if tif == "day":
            order.expire_ns = book.session_close
        return order

    def _enter(self, order: Order, min_quantity: int | None) -> tuple:
        """Enter, keep the result as it stands after the own matching (R28), then the aftermath."""
        reason = enter(self.book, order, min_quantity)
        result = submit_result(order, reason, len(self.book.trades))
        self._aftermath_if_traded()
        return result

    def _aftermath_if_traded(self) -> None:
        if self.book.trades:
            aftermath(self.book, [])

    # -- stops -----------------------------------------------------------------------------------------------------

    def _stop_market(self, side, stop_price, quantity, options) -> tuple:
        return self._stop(side, {"stop_price": stop_price}, quantity, "gtc", options)

    def _stop_limit(self, side, stop_price, limit_price, quantity, tif, options) -> tuple:
        return self._stop(side, {"stop_price": stop_price, "limit_price": limit_price}, quantity, tif, options)

    def _trail_market(self, side, stop_price, quantity, method, value, period, options) -> tuple:
        return self._stop(side, {"stop_price": stop_price}, quantity, "gtc", options, (method, value, period))

    def _trail_limit(self, side, stop_price, limit_price, quantity, method, value, period, tif, options) -> tuple:
        prices = {"stop_price": stop_price, "limit_price": limit_price}
        return self._stop(side, prices, quantity, tif, options, (method, value, period))

    def _stop(self, side, prices, quantity, tif, options, trailing=None) -> tuple:
        book = self.book
        words = {"method": (trailing[0], checks.METHODS)} if trailing else {}
        if trailing:
            checks.check_trail_types(*trailing)
        checks.check_submission(book, side, quantity, prices, options, tif=tif, words=words)
        if trailing:
            checks.check_trail(*trailing)
        checks.check_capacity(book, side, quantity)
        stop = Stop(
            book.take_id(),
            side,
            prices["stop_price"],
            prices.get("limit_price"),
            quantity,
            book.take_timestamp(),
            tif=tif,
            owner=options.get("owner"),
            self_trade=options.get("self_trade", "off"),
            reduce_only=options.get("reduce_only", False),
            expire_ns=book.session_close if tif == "day" else options.get("expire_ns"),
            trail=Trail(*trailing, previous=book.last_trade_price) if trailing else None,
        )
        if book.phase == "halted":
            return ("stop", stop.id, "rejected", None)
        book.stops[stop.id] = stop
        price = book.last_trade_price
        if book.phase == "continuous" and trailing is None and price is not None and stop.holds_at(price):
            aftermath(book, [stop])
        else:
            book.pending.append(stop)
        return ("stop", stop.id, stop.status, stop.triggered_order_id)

    # -- brackets and links ----------------------------------------------------------------------------------------

    def _bracket(self, side, price, quantity, take_profit, stop_loss, options) -> tuple:
        book = self.book
        tif, contingency = options.get("tif", "gtc"), options.get("contingency", "ouo")
        prices = {"price": price, "take_profit": take_profit, "stop_loss": stop_loss}
        words = {"contingency": (contingency, ("oco", "ouo"))}
        checks.check_submission(book, side, quantity, prices, options, tif=tif, words=words, tifs=RESTING_TIFS)
        checks.check_bracket(side, price, take_profit, stop_loss)
        checks.check_bracket_capacity(book, side, quantity)
        fields = {name: options[name] for name in ("owner", "self_trade", "expire_ns") if name in options}
        parent = self._new_order(side, price, quantity, tif=tif, **fields)
        legs = self._new_legs(parent, take_profit, stop_loss, contingency)
        result = self._enter(parent, None)
        if result[6]:
            for leg in legs:
                book.orders.pop(leg.id, None)
                book.stops.pop(leg.id, None)
        return ("bracket", result, legs[0].id, legs[1].id)

    def _new_legs(self, parent: Order, take_profit: int, stop_loss: int, contingency: str) -> list[Order | Stop]:
        book = self.book
        side = SELL if parent.side == BUY else BUY
        fields = {"owner": parent.owner, "self_trade": parent.self_trade}
        profit = self._new_order(side, take_profit, parent.quantity, tif="gtc", place="held", **fields)
        loss_id, timestamp = book.take_id(), book.take_timestamp()
        loss = Stop(loss_id, side, stop_loss, None, parent.quantity, timestamp, status="held", **fields)
        book.orders[profit.id], book.stops[loss.id] = profit, loss
        group = Group(contingency, [profit.id, loss.id])
        for leg in (profit, loss):
            leg.group = group
            book.held.append(leg)
        parent.legs = [profit, loss]
        return parent.legs

    def _link(self, kind, ids) -> tuple:
        book = self.book
        for item_id in ids:
            checks.check_types(ids=item_id)
        checks.check_word("kind", kind, ("oco", "ouo"))
        if not 2 <= len(ids) <= LARGEST_GROUP or len(set(ids)) < len(ids):
            raise RefusedError("BookError", "order_ids")
        found = [self._linkable(item_id) for item_id in ids]
        group = Group(kind, list(ids))
        for item in found:
            item.group = group
        book.next_group_id += 1
        return ("link", book.next_group_id - 1)

    def _linkable(self, item_id) -> Order | Stop:
        """A resting order or a pending stop, not in a group and not pegged."""
        order, stop = self.book.orders.get(item_id), self.book.stops.get(item_id)
        if order is not None and order.place in ("resting", "parked"):
            if order.group is not None or order.peg is not None:
                raise RefusedError("BookError", "order_ids")
            return order
        if stop is not None and stop.status == "pending":
            if stop.group is not None:
                raise RefusedError("BookError", "order_ids")
            return stop
        raise RefusedError("UnknownOrderError", "order_ids")

    # -- changes ---------------------------------------------------------------------------------------------------

    def _cancel(self, item_id) -> tuple:
        checks.check_types(order_id=item_id)
        item, error = self._find(item_id)
        if error:
            return ("cancel", False, 0, error)
        return ("cancel", True, self.book.cancel(item), "")

    def _reduce(self, item_id, quantity) -> tuple:
        checks.check_types(order_id=item_id, quantity=quantity)
        if not self.book.is_quantity(quantity):
            return ("cancel", False, 0, "InvalidQuantity")
        item, error = self._find(item_id)
        if error:
            return ("cancel", False, 0, error)
        quantity = min(quantity, item.open)
        self.book.cut(item, quantity)
        return ("cancel", True, quantity, "")

    def _find(self, item_id) -> tuple[Order | Stop | None, str]:
        """The order or stop that a cancel means, or the error (R31)."""
        book = self.book
        if item_id in book.stops:
            stop = book.stops[item_id]
            return (stop, "") if stop.status in ("pending", "held") else (None, "OrderNotFound")
        if item_id in book.orders:
            order = book.orders[item_id]
            return (order, "") if order.status not in TERMINAL else (None, "OrderNotActive")
        return None, "OrderNotActive" if item_id in book.forgotten else "OrderNotFound"

    def _modify(self, order_id, price, quantity) -> tuple:
        book = self.book
        checks.check_types(order_id=order_id, price=price, quantity=quantity)
        error = self._reason_not_to_modify(order_id, price, quantity)
        if error:
            return ("modify", False, order_id, 0, 0, error, 0)
        old = book.orders[order_id]
        new = Order(
            book.take_id(),
            old.side,
            price,
            quantity,
            book.take_timestamp(),
            tif=old.tif,
            owner=old.owner,
            self_trade=old.self_trade,
            post_only=old.post_only,
            display=None if old.display is None else min(old.display, quantity),
            reduce_only=old.reduce_only,
            expire_ns=old.expire_ns,
        )
        book.orders[new.id] = new
        book.replace_member(old, new)
        cancelled = book.cancel(old)
        if new.reduce_only:
            new.open = min(new.open, book.reducible(new))
        take_and_rest(book, new)
        result = ("modify", True, old.id, new.id, cancelled, "", len(book.trades))
        self._aftermath_if_traded()
        return result

    def _reason_not_to_modify(self, order_id, price, quantity) -> str:
        """The first error of R33, or nothing."""
        book = self.book
        if not book.is_quantity(quantity):
            return "InvalidQuantity"
        if not book.is_price(price):
            return "InvalidPrice"
        order = book.orders.get(order_id)
        if order is None:
            return "OrderNotActive" if order_id in book.forgotten else "OrderNotFound"
        if order.place == "held":
            return "OrderNotFound"
        if order.status in TERMINAL:
            return "OrderNotActive"
        if order.peg is not None or (book.phase == "auction" and not may_be_modified_in_auction(order)):
            return "NotModifiable"
        if book.phase == "halted":
            return "Halted"
        if book.committed(order.side) - order.open + quantity > MAX:
            return "InvalidQuantity"
        if order.display is not None and quantity > order.display * book.max_display_parts:
            return "InvalidQuantity"
        if not in_band(book, price):
            return "PriceBand"
        if order.reduce_only and book.reducible(order) == 0:
            return "ReduceOnly"
        moved = Order(0, order.side, price, quantity, 0)
        if order.post_only and would_cross(book, moved):
            return "PostOnly"
        return ""

    def _position(self, owner, quantity) -> tuple:
        checks.check_types(owner=owner, quantity=quantity)
        if not 1 <= owner <= checks.LARGEST_OWNER:
            raise RefusedError("ValidationError", "owner")
        if abs(quantity) > MAX:
            raise RefusedError("QuantityError", "quantity")
        self.book.positions[owner] = quantity
        return ("ok",)

    # -- session ---------------------------------------------------------------------------------------------------

    def _clock(self, now_ns) -> tuple:
        book = self.book
        checks.check_types(now_ns=now_ns)
        if not book.clock <= now_ns <= MAX:
            raise RefusedError("ValidationError", "now_ns")
        book.clock = now_ns
        waiting = [*book.resting[BUY], *book.resting[SELL], *book.parked, *book.pending]
        expired = [o for o in waiting if o.expire_ns is not None and o.expire_ns <= now_ns]
        for item in sorted(expired, key=lambda o: (o.expire_ns, o.id)):
            if item.status != "cancelled":  # a link group may have taken it with an earlier one
                book.cancel(item, "expired")
        return ("ok",)

    def _session_close(self, close_ns) -> tuple:
        checks.check_types(close_ns=close_ns)
        if not self.book.clock < close_ns <= MAX:
            raise RefusedError("ValidationError", "close_ns")
        self.book.session_close = close_ns
        return ("ok",)

    def _band(self, low, high) -> tuple:
        ends = {name: value for name, value in (("low", low), ("high", high)) if value is not None}
        checks.check_types(**ends)
        for name, value in ends.items():
            checks.check_band_end(self.book, value, name)
        if low is not None and high is not None and low > high:
            raise RefusedError("PriceError", "low")
        self.book.band_low, self.book.band_high = low, high
        return ("ok",)

    def _halt(self) -> tuple:
        self.book.phase = "halted"
        return ("ok",)

    def _resume(self) -> tuple:
        if self.book.phase == "continuous":
            return ("ok",)
        if self.book.is_crossed:
            raise RefusedError("CrossedBookError", "phase")
        cancel_market_orders(self.book)
        self.book.phase = "continuous"
        return ("ok",)

    def _start_auction(self) -> tuple:
        if self.book.phase == "auction":
            raise RefusedError("BookError", "phase")
        self.book.phase = "auction"
        return ("ok",)

    def _uncross(self, reference) -> tuple:
        if reference is not None:
            checks.check_types(reference=reference)
            checks.check_price(self.book, reference, "reference")
        if self.book.phase != "auction":
            raise RefusedError("BookError", "phase")
        price, volume = uncross(self.book, reference)
        self._aftermath_if_traded()
        return ("uncross", price, volume)

    # -- memory ----------------------------------------------------------------------------------------------------

    def _clear_trades(self) -> tuple:
        return ("ok",)

    def _compact(self) -> tuple:
        return ("ok",)

    def _clear_order_history(self) -> tuple:
        book = self.book
        done = [o.id for o in book.orders.values() if o.status in TERMINAL]
        for order_id in done:
            del book.orders[order_id]
        book.forgotten.update(done)
        book.stops = {s.id: s for s in book.stops.values() if s.status in ("pending", "held")}
        return ("cleared", len(done))


def shown_levels(levels: list[list[Order]]) -> tuple[tuple[int, int, int], ...]:
    """Price, visible quantity and number of orders, best first."""
    return tuple((queue[0].price, sum(o.visible for o in queue), len(queue)) for queue in levels)


def may_be_modified_in_auction(order: Order) -> bool:
    """R66: neither a market, post-only or reduce-only order, nor the parent of held legs."""
    return not (order.is_market or order.post_only or order.reduce_only or order.legs)


def submit_result(order: Order, reason: str | None, own_trades: int) -> tuple:
    """How an order stands when its own matching has ended (R28 to R30)."""
    if order.open > 0:
        status = "partially_filled" if order.filled else "new"
    elif order.filled == order.quantity:
        status = "filled"
    else:
        status = "partially_filled" if order.filled else "cancelled"
    return ("submit", order.id, status, order.filled, order.open, order.cancelled, reason or "", own_trades)

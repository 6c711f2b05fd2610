"""The state of the naive book, and what can happen to one order: rest, trade, be cut, be cancelled.

Everything is a plain list in order of arrival; a level is the orders of one price, in that order. Nothing is indexed,
so nothing can go stale.
"""

from __future__ import annotations

from reference.naive_hash import START, fold_trade
from reference.naive_orders import BUY, HISTORY_LENGTH, MAX, SELL, Group, Order, Stop, opposite


class NaiveState:
    """All that a book remembers, with the smallest changes that keep it consistent."""

    def __init__(
        self,
        instrument=None,
        *,
        matching: str = "price_time",
        fifo_percent: int = 40,
        min_allocation: int = 1,
        top_order: bool = False,
        cascade_limit: int = 100,
        max_display_parts: int = 1000,
    ) -> None:
        self.tick = instrument.tick_size if instrument else 1
        self.lot = instrument.lot_size if instrument else 1
        self.allows_negative_price = bool(instrument and instrument.allows_negative_price)
        self.matching = matching
        self.fifo_percent = fifo_percent
        self.min_allocation = min_allocation
        self.top_order = top_order
        self.cascade_limit = cascade_limit
        self.max_display_parts = max_display_parts

        self.next_id = 1
        self.next_trade_id = 1
        self.next_timestamp = 1
        self.next_group_id = 1
        self.clock = 0
        self.session_close: int | None = None
        self.phase = "continuous"
        self.band_low: int | None = None
        self.band_high: int | None = None
        self.last_trade_price: int | None = None
        self.trade_chain = START

        self.orders: dict[int, Order] = {}
        self.stops: dict[int, Stop] = {}
        self.forgotten: set[int] = set()  # orders dropped by clear_order_history: still OrderNotActive (R37)
        self.resting: dict[str, list[Order]] = {BUY: [], SELL: []}  # in order of arrival
        self.parked: list[Order] = []
        self.held: list[Order | Stop] = []
        self.pending: list[Stop] = []
        self.positions: dict[int, int] = {}

        self.prints: list[int] = []  # unseen (R40)
        self.last_run: tuple[int, int] | None = None  # aggressor and price of the print that may still grow
        self.previous_print: int | None = None
        self.changes: list[int] = []
        self.filled_parents: list[Order] = []  # not yet looked at (R42)

        self.trades: list[tuple] = []  # of this command
        self.notices: list[tuple[str, int, int, int]] = []  # of this command

    # -- numbers ---------------------------------------------------------------------------------------------------

    def take_id(self) -> int:
        self.next_id += 1
        return self.next_id - 1

    def take_timestamp(self) -> int:
        self.next_timestamp += 1
        return self.next_timestamp - 1

    def is_price(self, price: int) -> bool:
        """Whether a price is on the grid (R3)."""
        in_range = -MAX <= price < MAX
        return in_range and price % self.tick == 0 and (price > 0 or self.allows_negative_price)

    def is_quantity(self, quantity: int) -> bool:
        return 0 < quantity <= MAX and quantity % self.lot == 0

    def committed(self, side: str) -> int:
        """Quantity that a side has promised (R5)."""
        waiting = [*self.parked, *self.held, *self.pending]
        return sum(o.open for o in self.resting[side]) + sum(o.open for o in waiting if o.side == side)

    def reducible(self, order: Order) -> int:
        """How much a reduce-only order may still trade (R16)."""
        position = self.positions.get(order.owner, 0)
        return max(0, position if order.side == SELL else -position)

    # -- levels ----------------------------------------------------------------------------------------------------

    def levels(self, side: str) -> list[list[Order]]:
        """The queues of a side, best price first."""
        by_price: dict[int, list[Order]] = {}
        for order in self.resting[side]:
            by_price.setdefault(order.price, []).append(order)
        return [by_price[price] for price in sorted(by_price, reverse=side == BUY)]

    def best_level(self, side: str) -> list[Order]:
        best = self.best_price(side)
        return [o for o in self.resting[side] if o.price == best]

    def best_price(self, side: str, *, with_pegs: bool = True) -> int | None:
        prices = [o.price for o in self.resting[side] if with_pegs or o.peg is None]
        if not prices:
            return None
        return max(prices) if side == BUY else min(prices)

    @property
    def is_crossed(self) -> bool:
        bid, ask = self.best_price(BUY), self.best_price(SELL)
        return bid is not None and ask is not None and bid >= ask

    # -- one order -------------------------------------------------------------------------------------------------

    def notice(self, kind: str, order_id: int, quantity: int, related_id: int = 0) -> None:
        self.notices.append((kind, order_id, quantity, related_id))

    def rest(self, order: Order) -> None:
        """To the back of its level, showing its display quantity."""
        best = self.best_price(order.side)
        improves = best is None or (order.price > best if order.side == BUY else order.price < best)
        order.is_top = improves
        order.place = "resting"
        order.visible = order.shown
        self.resting[order.side].append(order)

    def move_to_back(self, order: Order) -> None:
        """Refresh or reprice: last in its queue, and no longer a top order (R22)."""
        self.resting[order.side].remove(order)
        self.rest(order)
        order.is_top = False

    def park(self, order: Order) -> None:
        order.place = "parked"
        order.price = 0
        order.visible = 0
        self.parked.append(order)

    def lift(self, item: Order | Stop) -> None:
        """Out of whichever list it waits in."""
        for items in (self.resting[item.side], self.parked, self.held, self.pending):
            if item in items:
                items.remove(item)

    def trade(self, aggressor: Order, passive: Order, price: int, quantity: int) -> None:
        """One trade and what follows from it at once (R23, R24)."""
        entry = (self.next_trade_id, price, quantity, aggressor.id, passive.id, aggressor.side, self.take_timestamp())
        self.next_trade_id += 1
        self.trades.append(entry)
        self.trade_chain = fold_trade(self.trade_chain, entry)
        self.last_trade_price = price
        if self.last_run != (aggressor.id, price) or not self.prints:
            self.prints.append(price)
            self.last_run = (aggressor.id, price)
        for order in (aggressor, passive):
            self._fill(order, quantity)
        buyer, seller = (aggressor, passive) if aggressor.side == BUY else (passive, aggressor)
        self._add_position(buyer.owner, quantity)
        self._add_position(seller.owner, -quantity)
        for order in (aggressor, passive):
            self.group_acts(order, "trade", quantity)

    def _fill(self, order: Order, quantity: int) -> None:
        order.filled += quantity
        order.open -= quantity
        order.visible = max(0, order.visible - quantity)
        order.status = "partially_filled"
        if order.open == 0:
            order.status = "filled"
            self.lift(order)
            was_resting = order.place == "resting"
            order.place = "gone"
            if was_resting:
                self.tell_legs(order)

    def tell_legs(self, parent: Order) -> None:
        """A filled parent is looked at in the aftermath; an aggressor when its matching has ended."""
        if parent.legs:
            self.filled_parents.append(parent)

    def _add_position(self, owner: int | None, quantity: int) -> None:
        if owner is not None:
            self.positions[owner] = max(-MAX, min(MAX, self.positions.get(owner, 0) + quantity))

    def cut(self, item: Order | Stop, quantity: int, kind: str | None = None, related_id: int = 0) -> None:
        """Take quantity off, the hidden part first; cut to zero is cancelled (R27). ``kind`` names the notice."""
        if quantity == item.open:
            self.cancel(item, kind, related_id)
            return
        if isinstance(item, Order):
            hidden = item.open - item.visible
            item.visible -= max(0, quantity - hidden)
        item.open -= quantity
        if kind is not None:
            self.notice(kind, item.id, quantity, related_id)

    def cancel(self, item: Order | Stop, kind: str | None = None, related_id: int = 0) -> int:
        """Take an order, stop or leg away; the quantity it had. A stop goes on showing it, an order has none left."""
        quantity = item.open
        if isinstance(item, Order):
            item.open = item.visible = 0
        if kind is not None:
            self.notice(kind, item.id, quantity, related_id)
        self._end(item)
        return quantity

    def _end(self, item: Order | Stop) -> None:
        """Cancelled: out of the lists, then its group and its legs hear of it (R51, R53, R54)."""
        was_held = item.place == "held"
        self.lift(item)
        item.status = "cancelled"
        if isinstance(item, Order):
            item.place = "gone"
        if was_held:
            self.leave_group(item)
        else:
            self.group_acts(item, "cancelled")
        if isinstance(item, Order):
            self.drop_legs(item)

    def drop_legs(self, parent: Order) -> None:
        """The legs of a parent that will never be filled (R51)."""
        for leg in parent.legs:
            if leg.place == "held":
                self.cancel(leg, "dropped")

    # -- link groups -----------------------------------------------------------------------------------------------

    def find(self, item_id: int) -> Order | Stop:
        return self.orders[item_id] if item_id in self.orders else self.stops[item_id]

    def leave_group(self, item: Order | Stop) -> None:
        group = item.group
        if group is not None:
            group.members.remove(item.id)
            item.group = None
            if len(group.members) == 1 and not group.is_acting:  # one alone is no group
                self.leave_group(self.find(group.members[0]))

    def dissolve(self, group: Group) -> None:
        for member_id in list(group.members):
            self.leave_group(self.find(member_id))

    def group_acts(self, member: Order | Stop, event: str, quantity: int = 0) -> None:
        """A member traded ``quantity``, was cancelled or triggered: the others follow (R53, R54)."""
        group = member.group
        if group is None:
            return
        if group.is_acting:  # a consequence does not set off the same group again
            if event != "trade":
                self.leave_group(member)
            return
        others = [self.find(m) for m in sorted(group.members) if m != member.id]
        group.is_acting = True
        for other in others:
            if other.open == 0:  # filled by the very trade that is being told
                continue
            if group.kind == "oco" or event != "trade":
                self.cancel(other, "contingent", member.id)
            else:
                self.cut(other, min(quantity, other.open), "contingent", member.id)
        if group.kind == "oco" or event != "trade":
            self.dissolve(group)
        else:
            if member.open == 0:
                self.leave_group(member)
        group.is_acting = False
        if len(group.members) == 1:
            self.dissolve(group)

    def replace_member(self, old: Order, new: Order) -> None:
        """A modify: the new order takes the old one's place in its group, and its held legs."""
        if old.group is not None:
            group = old.group
            group.members[group.members.index(old.id)] = new.id
            old.group, new.group = None, group
        new.legs, old.legs = old.legs, []

    # -- what the venue remembers of prints -------------------------------------------------------------------------

    def remember_print(self, price: int) -> None:
        if self.previous_print is not None:
            self.changes = [*self.changes, abs(price - self.previous_print)][-HISTORY_LENGTH:]
        self.previous_print = price

    def far_side(self, order: Order) -> list[list[Order]]:
        """Levels of the other side, best first."""
        return self.levels(opposite(order.side))

"""The compiled exchange behind the driver of ``docs/exchange.md`` section 14, through its public names only."""

from __future__ import annotations

from nanodesk.book.exchange import Exchange
from nanodesk.errors import NanodeskError


class Driver:
    """One ``Exchange`` that takes command tuples and shows what can be seen after each."""

    def __init__(self, **configuration) -> None:
        self.exchange = Exchange(configuration.pop("instrument", None), **configuration)
        self.n_trades = 0
        self.last_id = 0

    def apply(self, command: tuple) -> tuple:
        """Do one command; ``(result, trades, notices, bids, asks, hash)``."""
        name, *arguments = command
        try:
            result = getattr(self, f"_{name}")(*arguments)
        except (NanodeskError, TypeError) as error:
            result = ("error", type(error).__name__, getattr(error, "field", None))
        notices = tuple(tuple(notice) for notice in self.exchange.take_notices())
        trades = self._new_trades()
        self._remember_ids(result, notices)
        return result, trades, notices, *self._levels(), self.exchange.state_hash()

    def observable(self) -> tuple:
        """Everything that a replay must give again: hash, levels, trades, orders, stops."""
        trades = [trade.as_tuple() for trade in self.exchange.trades()]
        return self.exchange.state_hash(), *self._levels(), trades, self.orders(), self.stops()

    def _levels(self) -> tuple:
        return self._shown(self.exchange.full_book())

    @staticmethod
    def _shown(book) -> tuple:
        return tuple(tuple((v.price, v.quantity, v.order_count) for v in side) for side in (book.bids, book.asks))

    def _new_trades(self) -> tuple:
        count = len(self.exchange.trade_array())
        if count == self.n_trades:
            return ()
        new = self.exchange.trades()[self.n_trades :]
        self.n_trades = count
        return tuple(
            (t.id, t.price, t.quantity, t.aggressor_order_id, t.passive_order_id, t.aggressor_side.value, t.timestamp)
            for t in new
        )

    def _remember_ids(self, result: tuple, notices: tuple) -> None:
        ids = [related for kind, _, _, related in notices if kind == "triggered"]
        if result[0] in ("submit", "stop"):
            ids.append(result[1])
        elif result[0] in ("bracket", "modify"):
            ids.append(result[3])
        self.last_id = max([self.last_id, *ids])

    def orders(self) -> dict[int, tuple]:
        """Every order known, by id."""
        found = {i: self.exchange.get_order(i) for i in range(1, self.last_id + 1)}
        return {
            o.id: (
                o.side.value,
                o.price,
                o.original_quantity,
                o.remaining_quantity,
                o.visible_quantity,
                o.filled_quantity,
                o.timestamp,
                o.time_in_force.value,
                o.status.value,
                o.owner or 0,
            )
            for o in found.values()
            if o is not None
        }

    def stops(self) -> dict[int, tuple]:
        """Every stop known, by id."""
        found = {i: self.exchange.get_stop_order(i) for i in range(1, self.last_id + 1)}
        return {
            s.id: (s.side.value, s.stop_price, s.limit_price, s.quantity, s.status, s.timestamp, s.triggered_order_id)
            for s in found.values()
            if s is not None
        }

    def replayed(self) -> Driver:
        """The same after replaying the exchange's own log."""
        twin = object.__new__(Driver)
        twin.exchange, twin.n_trades, twin.last_id = self.exchange.replayed(), 0, self.last_id
        return twin

    def queries(self) -> dict[str, object]:
        """What the small questions answer: best prices, spread, last price, counts, phase, clock, auction price."""
        exchange = self.exchange
        return {
            "best": exchange.best_bid_ask(),
            "spread": exchange.spread(),
            "last": exchange.last_trade_price(),
            "pending": exchange.pending_stop_count(),
            "phase": exchange.phase,
            "clock": exchange.clock_ns,
            "indicative": self.indicative(),
            "top": self._shown(exchange.depth(2)),
            "committed": (exchange.committed_quantity("buy"), exchange.committed_quantity("sell")),
            "queues": (self.queue("buy"), self.queue("sell")),
        }

    def queue(self, side: str) -> list[int]:
        """Ids at the best price of a side, front first."""
        best = self.exchange.best_bid() if side == "buy" else self.exchange.best_ask()
        return [] if best is None else [order.id for order in self.exchange.queue(side, best)]

    def position(self, owner: int) -> int:
        return self.exchange.position(owner)

    def indicative(self, reference: int | None = None) -> tuple[int, int, int] | None:
        """Price, volume and surplus of an uncrossing now."""
        found = self.exchange.indicative(reference)
        return None if found is None else tuple(found)

    # -- commands --------------------------------------------------------------------------------------------------

    def _limit(self, side, price, quantity, tif, options):
        return submitted(self.exchange.submit_limit(side, price, quantity, tif, **options))

    def _market(self, side, quantity, options):
        return submitted(self.exchange.submit_market(side, quantity, **options))

    def _pegged(self, side, reference, quantity, offset, options):
        return submitted(self.exchange.submit_pegged(side, reference, quantity, offset, **options))

    def _stop_market(self, side, stop_price, quantity, options):
        return stopped(self.exchange.submit_stop_market(side, stop_price, quantity, **options))

    def _stop_limit(self, side, stop_price, limit_price, quantity, tif, options):
        return stopped(self.exchange.submit_stop_limit(side, stop_price, limit_price, quantity, tif, **options))

    def _trail_market(self, side, stop_price, quantity, method, value, period, options):
        submit = self.exchange.submit_trailing_stop_market
        return stopped(submit(side, stop_price, quantity, method, value, period, **options))

    def _trail_limit(self, side, stop_price, limit_price, quantity, method, value, period, tif, options):
        submit = self.exchange.submit_trailing_stop_limit
        return stopped(submit(side, stop_price, limit_price, quantity, method, value, tif, period, **options))

    def _bracket(self, side, price, quantity, take_profit, stop_loss, options):
        r = self.exchange.submit_bracket(side, price, quantity, take_profit, stop_loss, **options)
        return ("bracket", submitted(r.entry), r.take_profit_id, r.stop_loss_id)

    def _cancel(self, order_id):
        return cancelled(self.exchange.cancel(order_id))

    def _reduce(self, order_id, quantity):
        return cancelled(self.exchange.reduce(order_id, quantity))

    def _modify(self, order_id, price, quantity):
        r = self.exchange.modify(order_id, price, quantity)
        new_id, n_trades = r.new_order_id or 0, r.n_trades
        return ("modify", r.success, r.old_order_id, new_id, r.cancelled_quantity, r.error or "", n_trades)

    def _link(self, kind, ids):
        return ("link", self.exchange.link(kind, ids))

    def _position(self, owner, quantity):
        self.exchange.set_position(owner, quantity)
        return ("ok",)

    def _clock(self, now_ns):
        self.exchange.advance_clock(now_ns)
        return ("ok",)

    def _session_close(self, close_ns):
        self.exchange.set_session_close(close_ns)
        return ("ok",)

    def _band(self, low, high):
        self.exchange.set_price_band(low, high)
        return ("ok",)

    def _halt(self):
        self.exchange.halt()
        return ("ok",)

    def _resume(self):
        self.exchange.resume()
        return ("ok",)

    def _start_auction(self):
        self.exchange.start_auction()
        return ("ok",)

    def _uncross(self, reference):
        r = self.exchange.uncross(reference)
        return ("uncross", r.price, r.volume)

    def _clear_trades(self):
        self.exchange.clear_trades()
        self.n_trades = 0
        return ("ok",)

    def _clear_order_history(self):
        return ("cleared", self.exchange.clear_order_history())

    def _compact(self):
        self.exchange.compact()
        return ("ok",)


def submitted(r) -> tuple:
    quantities = (r.filled_quantity, r.resting_quantity, r.cancelled_quantity)
    return ("submit", r.order_id, r.status.value, *quantities, r.reason or "", r.n_trades)


def stopped(r) -> tuple:
    return ("stop", r.order_id, r.status, r.triggered_order_id)


def cancelled(r) -> tuple:
    return ("cancel", r.success, r.cancelled_quantity, r.error or "")

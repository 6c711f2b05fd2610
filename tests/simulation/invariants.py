"""What must hold in every run, told from the journal and the venue's own books and never from the engine's word.

The checkers fold the journal by rules of their own, simpler than the engine's: a sum for each order, a set of
executions for each account.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.order import ExecutionKind, OrderState
from nanodesk.oms.journal import Journal
from nanodesk.oms.ledger import Ledger
from nanodesk.oms.order_engine import OrderEngine

ACCOUNT = "PAPER"


class BrokenInvariantError(BaseException):
    """A promise of order management does not hold; no ``except Exception`` of the code under test may swallow it."""


def require(holds: bool, what: str, *facts: object) -> None:
    """Stop the run if something does not hold.

    Parameters
    ----------
    holds : bool
        Whether it does.
    what : str
        The promise.
    *facts : object
        What was seen.
    """
    if not holds:
        raise BrokenInvariantError(" ".join([what, *(repr(fact) for fact in facts)]))


@dataclass
class Fills:
    """Executions of the journal, booked by the simplest rule: the last word on each id counts."""

    sequence: int = 0
    standing: dict[str, tuple[str, str, int]] = field(default_factory=dict)  # id -> order, symbol, signed quantity
    numbers: dict[str, str] = field(default_factory=dict)  # of fills told under the venue's number of the order alone
    owners: dict[str, str] = field(default_factory=dict)  # by the venue's number
    revisions: Counter[tuple[str, int]] = field(default_factory=Counter)
    cum_e9: dict[str, int] = field(default_factory=dict)

    def read(self, journal: Journal) -> None:
        """Take the events since the last call; fills only grow, but for corrections and busts.

        Parameters
        ----------
        journal : Journal
            The one that is written.
        """
        for event in journal.read(after=self.sequence):
            self.sequence = event.sequence
            number = event.payload.get("report", event.payload).get("venue_order_id", "")
            if event.client_order_id and number:
                self.owners[number] = event.client_order_id
            if event.kind not in ("order_filled", "foreign_filled", "execution_corrected", "execution_busted"):
                continue
            payload, execution_id = event.payload, event.execution_id
            self.revisions[execution_id, event.revision] += 1
            require(self.revisions[execution_id, event.revision] == 1, "an execution is booked once", event)
            quantity = 0 if event.kind == "execution_busted" else payload["quantity_e9"]
            before = self.standing.get(execution_id, ("", "", 0))[2]
            if event.kind in ("order_filled", "foreign_filled"):
                require(execution_id not in self.standing, "an execution is booked once", event)
            sign = 1 if payload["side"] == "buy" else -1
            self.standing[execution_id] = (event.client_order_id, payload["symbol"], sign * quantity)
            self.numbers[execution_id] = number
            name = event.client_order_id
            after = self.cum_e9.get(name, 0) + quantity - abs(before)
            require(
                after >= self.cum_e9.get(name, 0) or "execution" in event.kind,
                "a filled quantity never falls without a correction",
                event,
            )
            self.cum_e9[name] = after

    def owner(self, execution_id: str) -> str:
        """The order that a booked execution belongs to.

        Parameters
        ----------
        execution_id : str
            A key of ``standing``.
        """
        return self.standing[execution_id][0] or self.owners.get(self.numbers[execution_id], "")

    def check(self, engine: OrderEngine) -> None:
        """Compare with what the engine believes.

        Parameters
        ----------
        engine : OrderEngine
            The one that writes the journal.
        """
        cum: Counter[str] = Counter()
        for execution_id, (_, _, signed) in self.standing.items():
            cum[self.owner(execution_id)] += abs(signed)
        for name, record in engine.ledger.orders.items():
            require(record.cum_e9 == cum[name], "the engine's sum is the journal's", name, record.cum_e9)
        held: defaultdict[str, int] = defaultdict(int)
        for _, symbol, signed in self.standing.values():
            held[symbol] += signed
        for symbol in {*held, *engine.ledger.fills_e9}:
            ours = engine.ledger.fills_e9.get(symbol, 0)
            require(ours == held[symbol], "positions are the sum of executions", symbol, ours, held[symbol])


def check_venue(market: PaperMarket) -> None:
    """No intent became two orders, no quantity was invented.

    Parameters
    ----------
    market : PaperMarket
        The venue.
    """
    taken: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for order in market.store.orders.values():
        if order.is_manual or order.state is OrderState.REJECTED:
            continue
        taken[order.client_order_id] += 1
        require(taken[order.client_order_id] == 1, "an intent becomes one order", order)
        line, _, _ = order.client_order_id.rpartition("-")
        lines[line] += 1
        require(lines[line] == 1, "a line is tried again only after a definite end without it", order)
        require(order.filled_quantity_e9 <= order.quantity_e9, "an order never fills beyond its quantity", order)
    require(not any(market.ledger.imbalance().values()), "the venue's ledger balances", market.ledger.imbalance())


def check_replay(engine: OrderEngine, journal: Journal) -> None:
    """What a journal is read back to is the state that wrote it.

    Parameters
    ----------
    engine : OrderEngine
        Live.
    journal : Journal
        Its journal.
    """
    ledger = Ledger()
    for event in journal.read():
        ledger.apply(event)
    require(ledger.state_hash() == engine.state_hash(), "a replay ends in the live state")
    require(list(ledger.open_ids) == list(engine.ledger.open_ids), "a replay has the same open orders")
    require(ledger.blocked_symbols() == engine.ledger.blocked_symbols(), "a replay blocks the same symbols")


def check_agreement(engine: OrderEngine, market: PaperMarket) -> None:
    """After healing, ours and the venue's books say the same of every order, execution and position.

    Parameters
    ----------
    engine : OrderEngine
        Quiet and reconciled.
    market : PaperMarket
        The venue.
    """
    theirs = {}
    for order in market.store.orders.values():
        if order.client_order_id and (order.state is not OrderState.REJECTED or order.client_order_id not in theirs):
            theirs[order.client_order_id] = order
    for view in engine.orders():
        name, order = view.client_order_id, theirs.get(view.client_order_id)
        require(not engine.is_unresolved(name), "nothing stays unknown", name)
        if order is None:
            unsent = (OrderState.NOT_SENT, OrderState.RISK_REJECTED, OrderState.REJECTED)
            require(view.state in unsent, "an order that the venue lacks was never sent", name, view.state)
            continue
        require(view.cum_quantity_e9 == order.filled_quantity_e9, "fills agree", name, view, order)
        if order.state is OrderState.REJECTED:
            require(view.is_terminal, "what was refused is over", name, view.state)
        else:
            require(view.is_terminal == order.state.is_terminal, "both call it open or neither", name, view, order)
            require(view.leaves_quantity_e9 == order.leaves_quantity_e9, "what is left agrees", name, view, order)
        require(not view.awaited_quantity_e9, "no execution is awaited", name)
        require(not view.is_cancel_pending or not view.is_terminal, "nothing is asked of a dead order", name)
    known = {theirs[name].number for name in theirs}
    require(set(theirs) <= set(engine.ledger.orders), "every order at the venue has an intent", known)
    venue = {one.symbol: one.quantity_e9 for one in market.positions(ACCOUNT)}
    require(engine.positions() == venue, "positions agree", engine.positions(), venue)


def check_executions(fills: Fills, market: PaperMarket, *, complete: bool) -> None:
    """Every booked execution is the venue's, and after healing every one of the venue's is booked.

    Parameters
    ----------
    fills : Fills
        From the journal.
    market : PaperMarket
        The venue.
    complete : bool
        Whether none may be missing; those before the account was opened are part of the opening positions.
    """
    theirs = {str(one.number): one for one in market.store.executions}
    for execution_id, (_, symbol, signed) in fills.standing.items():
        name = fills.owner(execution_id)
        one = theirs.get(execution_id)
        require(one is not None and one.symbol == symbol, "every booked execution was made", execution_id)
        if complete and one is not None:
            quantity = 0 if one.kind is ExecutionKind.BUST else one.quantity_e9
            require(abs(signed) == quantity, "an execution stands as the venue left it", execution_id, signed, one)
            require(name == one.client_order_id, "an execution belongs to its order", execution_id, name, one)
    if complete:
        for execution_id, one in theirs.items():
            if one.client_order_id and one.kind is not ExecutionKind.BUST:
                require(execution_id in fills.standing, "every execution is booked", one)

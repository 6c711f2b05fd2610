"""The file of a paper account: what a later process needs to go on, written before anybody is told."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import PaperExecution, PaperOrder
from nanodesk.brokers.strict_json import json_writer
from nanodesk.errors import BrokerError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.order import ExecutionKind, Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus

SCHEMA: Final = 1
_PLAIN: Final = frozenset({int, str, bool, type(None)})
_write: Final = json_writer()
_T = TypeVar("_T")

_CONVERTERS: Final[dict[str, Callable[[Any], Any]]] = {
    "side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "state": OrderState,
    "kind": ExecutionKind,
    "status": TradingStatus,
    "order_types": lambda words: frozenset(OrderType(word) for word in words),
    "times_in_force": lambda words: frozenset(TimeInForce(word) for word in words),
}


class PaperState:
    """The file: one JSON line for every change of the market, the last of which may be cut by a crash.

    A line holds orders, executions, amounts and rules as they stand after one call; a later line wins. The file
    is locked while it is open, so that two processes never trade one paper account.

    Parameters
    ----------
    path : Path
        Created with mode 0600 when missing; its folder must exist.
    reads_only : bool, default False
        Only look: the file must be there, is neither locked nor written, and open orders meet no quotes.

    Raises
    ------
    BrokerError
        If another process holds it, or it cannot be opened.
    """

    def __init__(self, path: Path, *, reads_only: bool = False) -> None:
        self._path = path
        self._reads_only = reads_only
        self._known_rules: set[str] = set()
        mode = os.O_RDONLY if reads_only else os.O_RDWR | os.O_CREAT
        try:
            self._file = os.open(path, mode | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise BrokerError(
                f"paper account {path}: {error.strerror}.", field="state_path", value=str(path)
            ) from error
        if reads_only:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise BrokerError(
                f"paper account {path} is in use by another process.",
                field="state_path",
                value=str(path),
                fix="Wait for it to end, or use another file.",
            ) from error

    def close(self) -> None:
        """Release the file; safe to call twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def restore(self, market: PaperMarket) -> bool:
        """Bring a fresh market to where the file stands, then collect its changes.

        Open orders enter their books again, oldest first, and may meet today's quotes.

        Parameters
        ----------
        market : PaperMarket
            Without orders yet. Its accounts take the amounts of the file.

        Returns
        -------
        found : bool
            Whether the file held an account; a new one is written with the market's own amounts.

        Raises
        ------
        BrokerError
            If the file is of another schema or damaged before its last line.
        """
        batches = self._read()
        try:
            _restore(market, batches)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:  # edited by hand
            raise self._damaged(f"holds what was never written ({str(error)[:60]})") from error
        self._known_rules = {row["symbol"] for batch in batches for row in batch.get("rules", ())}
        market.store.changed_orders, market.store.changed_executions, market.ledger.changed = set(), set(), set()
        if self._reads_only:
            return bool(batches)
        if batches:
            for number in sorted(market.store.open):
                market.resume(number)
        else:
            market.ledger.changed = {(a, asset) for a, held in market.ledger.amounts_e9.items() for asset in held}
        self.save(market)
        return bool(batches)

    def _read(self) -> list[dict[str, Any]]:
        raw = bytearray()
        os.lseek(self._file, 0, os.SEEK_SET)
        while block := os.read(self._file, 1 << 20):
            raw += block
        end = raw.rfind(b"\n") + 1
        if end < len(raw) and not self._reads_only:
            os.ftruncate(self._file, end)
        batches = []
        for index, line in enumerate(raw[:end].splitlines(), start=1):
            try:
                batch = json.loads(line)
                if batch["schema"] != SCHEMA:
                    raise ValueError(f"schema {batch['schema']!r}")
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise self._damaged(f"line {index}: {str(error)[:100]}") from error
            batches.append(batch)
        return batches

    def _damaged(self, what: str) -> BrokerError:
        return BrokerError(
            f"paper account {self._path}, {what}.",
            field="state_path",
            value=str(self._path),
            fix="Restore the file from a copy, or start a new account in another file.",
        )

    def save(self, market: PaperMarket) -> None:
        """Make every change since the last call durable.

        Parameters
        ----------
        market : PaperMarket
            That was restored by this object.

        Raises
        ------
        BrokerError
            If the disk does not take it; the market is then ahead of its file and must not be used on.
        """
        batch = None if self._reads_only else self._batch(market)
        if batch is None:
            return
        line = _write(batch).encode() + b"\n"
        try:
            os.lseek(self._file, 0, os.SEEK_END)
            while line:
                line = line[os.write(self._file, line) :]
            os.fdatasync(self._file)
        except OSError as error:
            raise BrokerError(f"paper account {self._path} cannot be written: {error.strerror}.") from error

    def _batch(self, market: PaperMarket) -> dict[str, Any] | None:
        store, ledger = market.store, market.ledger
        if not (store.changed_orders or store.changed_executions or ledger.changed):
            return None
        orders = [store.orders[number] for number in sorted(store.changed_orders or ())]
        executions = [store.executions[number - 1] for number in sorted(store.changed_executions or ())]
        amounts = [
            [account, asset, ledger.amounts_e9[account].get(asset, 0), ledger.costs_e9[account].get(asset, 0)]
            for account, asset in sorted(ledger.changed or ())
        ]
        new = sorted({order.symbol for order in orders if order.symbol in market.listings} - self._known_rules)
        self._known_rules.update(new)
        store.changed_orders, store.changed_executions, ledger.changed = set(), set(), set()
        return {
            "schema": SCHEMA,
            "orders": [_plain(order) for order in orders],
            "executions": [_plain(execution) for execution in executions],
            "amounts": amounts,
            "supply": dict(sorted(ledger.supply_e9.items())),
            "rules": [_plain(market.listings[symbol].rules) for symbol in new],
        }


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(kind):
        return {name: _plain(getattr(value, name)) for name in kind.__dataclass_fields__}
    if isinstance(value, (frozenset, set)):
        return sorted(_plain(item) for item in value)
    return value


def _build(kind: type[_T], row: dict[str, Any]) -> _T:
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    values = {name: _CONVERTERS.get(name, _same)(value) for name, value in row.items() if name in names}
    return kind(**values)


def _same(value: Any) -> Any:
    return value


def _order(row: dict[str, Any]) -> PaperOrder:
    return _build(PaperOrder, {**row, "order": _build(Order, row["order"])})


def _restore(market: PaperMarket, batches: Sequence[dict[str, Any]]) -> None:
    ledger, store = market.ledger, market.store
    if not batches:
        return
    for amounts in ledger.amounts_e9.values():
        amounts.clear()
    for batch in batches:
        for row in batch["rules"]:
            if row["symbol"] not in market.listings:
                market.add_instrument(_build(TradingRules, row))
        for account, asset, amount, cost in batch["amounts"]:
            if type(amount) is not int or type(cost) is not int:
                raise TypeError(f"amounts of {asset!r:.20}")
            if account not in ledger.amounts_e9:
                market.add_account(account, {asset: 0})
            ledger.amounts_e9[account][asset] = amount
            ledger.costs_e9[account][asset] = cost
        ledger.supply_e9.clear()
        ledger.supply_e9.update(batch["supply"])
        for row in batch["orders"]:
            order = _order(row)
            (store.put if order.number in store.orders else store.add)(order)
        for row in batch["executions"]:
            execution = _build(PaperExecution, row)
            known = execution.number <= len(store.executions)
            (store.put_execution if known else store.add_execution)(execution)
    for execution in store.executions:
        listing = market.listings.get(execution.symbol)
        if listing is None:
            continue  # renamed since
        listing.trade_offset = max(listing.trade_offset, execution.trade_number)
        if listing.quote is None:
            listing.last_price_e9 = execution.price_e9

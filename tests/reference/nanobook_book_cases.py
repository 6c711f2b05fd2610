"""Order flows put to the published nanobook 0.9.3 wheel and to our compatible names alike.

Every flow is a function of the module under test and a seed and returns a transcript made of lists, numbers and
strings. Only the standard library is used: the same file runs in the wheel's interpreter. The flows keep to what the
wheel does right: nothing is cancelled (a cancel after a front fill takes the wrong order, and the next match may hang),
`modify` leaves alone the prices at which there was a trade, and a flow ends where ours differs on purpose, which both
sides see at the same command: a modify that trades, and prints of which the wheel's stops see only the last.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import random
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reference.nanobook_cases import cash_of, weight_row

SIDES = ("buy", "sell", "BUY", "Sell", "b", "S")
CLASSES = ("BookSnapshot", "CancelResult", "Event", "Exchange", "LevelSnapshot", "ModifyResult", "MultiExchange",
           "Order", "StopSubmitResult", "SubmitResult", "Trade")  # fmt: skip


def rounded(value: float | None) -> float | None:
    """Eleven digits: the measures are quotients of sums in another order."""
    return None if value is None else float(f"{value:.11g}")


def trade_row(trade: Any) -> list[Any]:
    ids = [trade.trade_id, trade.aggressor_order_id, trade.passive_order_id]
    return [repr(trade), trade.price, trade.price_float, trade.quantity, trade.aggressor_side, trade.timestamp, *ids]


def submit_row(result: Any) -> list[Any]:
    quantities = [result.filled_quantity, result.resting_quantity, result.cancelled_quantity]
    return [repr(result), result.order_id, result.status, *quantities, [trade_row(trade) for trade in result.trades]]


def order_row(order: Any) -> list[Any] | None:
    if order is None:
        return None
    # An order that never rests and traded in part counts as active in the wheel; ours is cancelled (BUG 2).
    status = "cancelled" if order.status == "partiallyfilled" and order.time_in_force != "gtc" else order.status
    quantities = [order.original_quantity, order.remaining_quantity, order.filled_quantity]
    return [order.id, order.side, order.price, *quantities, order.timestamp, order.time_in_force, status]


def level_row(level: Any) -> list[Any]:
    return [repr(level), level.price, level.price_float, level.quantity, level.order_count]


def snapshot_row(snapshot: Any) -> list[Any]:
    measures = [snapshot.imbalance(), snapshot.weighted_mid(), snapshot.mid_price()]
    sides = [[level_row(level) for level in side] for side in (snapshot.bids, snapshot.asks)]
    return [repr(snapshot), *sides, snapshot.spread(), *map(rounded, measures)]


def state_row(book: Any) -> list[Any]:
    """Everything that can be asked of a book."""
    best = [list(book.best_bid_ask()), book.best_bid(), book.best_ask(), book.spread()]
    orders = [order_row(book.get_order(number)) for number in range(60)]
    stops = [book.get_stop_order(number) for number in range(60)]
    trades = [trade_row(trade) for trade in book.trades()]
    rest = [book.last_trade_price(), book.pending_stop_count(), snapshot_row(book.full_book()), orders, stops]
    return [repr(book), *best, trades, *rest]


def centre_of(rng: random.Random) -> int:
    return rng.choice([10_000, 10_000, 50, 0, -20, 2**40])


def quantity_of(rng: random.Random, scale: int) -> int:
    return rng.randint(1, 20) * scale


def submit(rng: random.Random, book: Any, centre: int, step: int, scale: int) -> Any:
    side, quantity = rng.choice(SIDES), quantity_of(rng, scale)
    if rng.random() < 0.15:
        return book.submit_market(side, quantity)
    price = centre + step * rng.randint(-4, 4)
    if rng.random() < 0.5:
        return book.submit_limit(side, price, quantity)
    return book.submit_limit(side, price, quantity, rng.choice(["gtc", "ioc", "FOK", "fok", "Gtc"]))


def query(rng: random.Random, book: Any) -> Any:
    choice = rng.randrange(4)
    if choice == 0:
        return snapshot_row(book.depth(rng.randint(0, 5)))
    if choice == 1:
        return order_row(book.get_order(rng.randint(0, 50)))
    if choice == 2:
        return [list(book.best_bid_ask()), book.spread(), repr(book)]
    return [book.last_trade_price(), len(book.trades())]


def plain_flow(nb: Any, rng: random.Random) -> Any:
    """Limits and markets of every time in force; the replay of its events is the same book."""
    book, answers = nb.Exchange(), []
    centre, scale = centre_of(rng), rng.choice([1, 1, 100, 2**40])
    for _ in range(rng.randint(1, 50)):
        answers.append(submit_row(submit(rng, book, centre, 1, scale)))
        if rng.random() < 0.3:
            answers.append(query(rng, book))
        if rng.random() < 0.02:
            book.clear_trades()
            answers.append(repr(book))
    events = book.events()
    replayed = nb.Exchange.replay(events)
    answers += [state_row(book), [[event.kind, repr(event), event.__getstate__()] for event in events]]
    return [*answers, state_row(replayed)]


def prints(trades: list[Any]) -> list[tuple[int, int]]:
    """Runs of one aggressor at one price."""
    found: list[tuple[int, int]] = []
    for trade in trades:
        if not found or found[-1] != (trade.aggressor_order_id, trade.price):
            found.append((trade.aggressor_order_id, trade.price))
    return found


def seen_alike(trades: list[Any]) -> bool:
    """Whether the wheel, which looks at the last price of a batch, saw all that happened."""
    found = prints(trades)
    return len(found) <= 2 and len({aggressor for aggressor, _ in found}) == len(found)


def stop(rng: random.Random, book: Any, centre: int, step: int, trails: tuple[str, ...]) -> Any:
    side, quantity, price = rng.choice(SIDES), quantity_of(rng, 1), centre + step * rng.randint(-5, 5)
    limit, tif = price + step * rng.randint(-2, 2), rng.choice(["gtc", "ioc", "fok"])
    choice = rng.randrange(4)
    if choice == 0:
        return book.submit_stop_market(side, price, quantity)
    if choice == 1:
        return book.submit_stop_limit(side, price, limit, quantity, tif)
    kind = rng.choice(trails)
    # Fractions that are exact: 0.9.3 truncates the offset of a percentage, later releases and ours round it.
    value = {"fixed": step * rng.choice([0.5, 1, 2.75]), "atr": rng.choice([0.5, 1.0, 2.5])}.get(
        kind.lower(), rng.choice([1 / 16, 1 / 8, 1 / 4])
    )
    period = rng.randint(1, 4) if kind == "atr" else None
    if choice == 2:
        return book.submit_trailing_stop_market(side, price, quantity, kind, value, period)
    return book.submit_trailing_stop_limit(side, price, limit, quantity, kind, value, tif, period)


def stop_flow(nb: Any, rng: random.Random) -> Any:
    """Stops and trailing stops among orders that mostly take one level."""
    book, answers, centre, step = nb.Exchange(), [], 10_000 // 16 * 16, 16
    trails = rng.choice([("fixed", "Fixed"), ("percentage", "pct"), ("fixed", "pct", "atr"), ("atr",)])
    known, trailing = 0, False
    for _ in range(rng.randint(5, 80)):
        if rng.random() < 0.3:
            result = stop(rng, book, centre, step, trails)
            answers.append([repr(result), result.order_id, result.status])
            trailing = trailing or "Trailing" in repr(book.events()[-1])
            if result.status == "Triggered" and (trailing or "atr" in trails):
                # The wheel then shows its trailing stops the last price once more, and adds a change of 0.
                break
        else:
            answers.append(submit_row(submit(rng, book, centre, step, 1)))
        trades = book.trades()
        if not seen_alike(trades[known:]):
            break
        known = len(trades)
        answers.append([book.pending_stop_count(), book.get_stop_order(rng.randint(1, 30)), state_row(book)])
    return answers


def modify_flow(nb: Any, rng: random.Random) -> Any:
    """Modifies of orders at prices without a trade so far, and those that fail; most orders rest."""
    book, answers, centre = nb.Exchange(), [], centre_of(rng)
    for _ in range(rng.randint(5, 60)):
        number = rng.randint(1, len(book.events()) + 2)
        order = book.get_order(number)
        touched = order is not None and order.price in {trade.price for trade in book.trades()}
        if rng.random() < 0.4 and not touched and (order is None or order.time_in_force == "gtc"):
            away = rng.randint(-1, 6) if order is None or order.side == "sell" else rng.randint(-6, 1)
            result = book.modify(number, centre + away, rng.choice([0, 1, 7, 30]))
            answers.append([repr(result), result.success, result.old_order_id, result.new_order_id])
            answers.append([result.cancelled_quantity, result.error, len(result.trades)])
            if result.trades:
                break
        elif rng.random() < 0.1:
            answers.append(submit_row(submit(rng, book, centre, 1, 1)))
        else:
            side, away = rng.choice(["buy", "sell"]), rng.randint(1, 6)
            price = centre + (away if side == "sell" else -away)
            answers.append(submit_row(book.submit_limit(side, price, quantity_of(rng, 1))))
        answers.append([list(book.best_bid_ask()), snapshot_row(book.full_book())])
    answers.append([[event.kind, repr(event), event.__getstate__()] for event in book.events()])
    return answers


def symbols_flow(nb: Any, rng: random.Random) -> Any:
    """Several books, and a portfolio that trades in them; the wheel answers in the order of its hashes."""
    multi, answers, names = nb.MultiExchange(), [], ["A", "BB", "CCC"][: rng.randint(1, 3)]
    for _ in range(rng.randint(10, 60)):
        name, side, away = rng.choice(names), rng.choice(["buy", "sell"]), rng.randint(1, 40)
        price = 5_000 + (-away if side == "buy" else away)
        answers.append(submit_row(multi.submit_limit(name, side, price, quantity_of(rng, 10))))
    held = nb.Portfolio(cash_of(rng), nb.CostModel(rng.choice([0, 10]), rng.choice([0, 3]), rng.choice([0, 99])))
    for _ in range(rng.randint(1, 4)):
        held.rebalance_lob(weight_row(rng, [(name, 1) for name in names], 0.0), multi)
        answers.append([repr(held), held.cash, sorted((name, repr(item)) for name, item in held.positions().items())])
        answers.append([sorted(map(list, multi.best_prices())), multi.len(), repr(multi), sorted(multi.symbols())])
    answers.append([repr(multi.submit_market(names[0], "sell", 5)), repr(multi.cancel(names[0], 10**9))])
    answers.append(repr(multi.modify(names[0], 10**9, 1, 1)))
    return answers


def itch_message(rng: random.Random) -> bytes:
    kind = rng.choice(b"AFECXDUPRSZ")
    lengths = {65: 36, 70: 40, 69: 31, 67: 36, 88: 23, 68: 19, 85: 35, 80: 44, 82: 39, 83: 12, 90: 5}
    body = bytearray(rng.randbytes(lengths[kind] - 1))
    if kind in b"AFP" and rng.random() < 0.9:
        body[18:19] = rng.choice([b"B", b"S"])
        body[23:31] = rng.choice([b"AAPL    ", b"A       ", b"ABCDEFGH", b"  BRK.A "])
    if rng.random() < 0.01:
        body = body[: rng.randrange(len(body))]
    return bytes([kind]) + bytes(body)


def itch_file(nb: Any, rng: random.Random) -> Any:
    """Files of messages, some short, some cut."""
    parts = [itch_message(rng) for _ in range(rng.randint(0, 12))]
    data = b"".join(struct.pack(">H", len(part)) + part for part in parts)
    if rng.random() < 0.2:
        data = data[: rng.randint(0, len(data))]
    if rng.random() < 0.05:
        data += b"\0\0"
    handle, path = tempfile.mkstemp()
    try:
        os.write(handle, data)
        os.close(handle)
        return [[symbol, repr(event)] for symbol, event in nb.parse_itch(path)]
    except OSError as error:
        fragments = ("too short", "length is 0", "failed to fill whole buffer")
        return [type(error).__name__, [text for text in fragments if text in str(error)]]
    finally:
        Path(path).unlink()


RANDOM_FLOWS: dict[str, tuple[Callable[[Any, random.Random], Any], int]] = {
    "plain": (plain_flow, 600),
    "stops": (stop_flow, 600),
    "modify": (modify_flow, 400),
    "symbols": (symbols_flow, 200),
    "itch": (itch_file, 400),
}


def transcript(nb: Any, group: str, seed: int, index: int) -> str:
    """One flow as JSON."""
    return json.dumps(RANDOM_FLOWS[group][0](nb, random.Random(f"{group}-{seed}-{index}")), separators=(",", ":"))


def digests(nb: Any, *, seed: int = 0, scale: int = 1) -> dict[str, list[str]]:
    """Twelve hexadecimal digits a flow: the transcripts would take megabytes."""
    return {
        group: [
            hashlib.sha256(transcript(nb, group, seed, index).encode()).hexdigest()[:12] for index in range(n * scale)
        ]
        for group, (_, n) in RANDOM_FLOWS.items()
    }


def members(nb: Any) -> dict[str, list[str]]:
    """Public attributes of every class of the order book."""
    return {name: sorted(item for item in dir(getattr(nb, name)) if item[0] != "_") for name in CLASSES}


def signatures(nb: Any) -> dict[str, list[list[Any]]]:
    """Parameters and defaults by position of every method and of the reader."""
    found: dict[str, list[list[Any]]] = {"parse_itch": _parameters(nb.parse_itch)}
    for name in ("Exchange", "MultiExchange", "BookSnapshot"):
        for item in members(nb)[name]:
            member = inspect.getattr_static(getattr(nb, name), item)
            if not isinstance(member, property) and callable(getattr(nb, name).__dict__[item]):
                found[f"{name}.{item}"] = _parameters(getattr(getattr(nb, name), item))
    return found


def _parameters(function: Any) -> list[list[Any]]:
    return [
        [item.name, None if item.default is item.empty else repr(item.default)]
        for item in inspect.signature(function).parameters.values()
        if item.kind is not item.KEYWORD_ONLY and item.name != "self"
    ]


def bad_calls(nb: Any) -> dict[str, Callable[[], Any]]:
    """Calls with wrong arguments; what counts is the type of the error."""
    book, multi = nb.Exchange(), nb.MultiExchange()
    book.submit_limit("buy", 100, 10)
    trail = ("sell", 90, 1)
    return {
        "side": lambda: book.submit_limit("x", 1, 1),
        "side empty": lambda: book.submit_market("", 1),
        "side number": lambda: book.submit_limit(1, 1, 1),
        "side none": lambda: book.submit_market(None, 1),
        "tif": lambda: book.submit_limit("buy", 1, 1, "day"),
        "tif number": lambda: book.submit_limit("buy", 1, 1, 3),
        "price float": lambda: book.submit_limit("buy", 1.0, 1),
        "price text": lambda: book.submit_limit("buy", "1", 1),
        "price large": lambda: book.submit_limit("buy", 2**63, 1),
        "price small": lambda: book.submit_limit("buy", -(2**63) - 1, 1),
        "quantity negative": lambda: book.submit_limit("buy", 1, -1),
        "quantity float": lambda: book.submit_market("buy", 1.0),
        "quantity large": lambda: book.submit_market("buy", 2**64),
        "quantity none": lambda: book.submit_market("buy", None),
        "missing": lambda: book.submit_limit("buy", 1),
        "stop side": lambda: book.submit_stop_market("x", 1, 1),
        "stop price": lambda: book.submit_stop_market("buy", 2**63, 1),
        "stop limit": lambda: book.submit_stop_limit("buy", 1, 1.5, 1),
        "stop tif": lambda: book.submit_stop_limit("buy", 1, 1, 1, "x"),
        "stop quantity": lambda: book.submit_stop_market("buy", 1, -1),
        "trail type": lambda: book.submit_trailing_stop_market(*trail, "zzz", 1),
        "trail type number": lambda: book.submit_trailing_stop_market(*trail, 1, 1),
        "trail value": lambda: book.submit_trailing_stop_market(*trail, "fixed", "a"),
        "trail missing period": lambda: book.submit_trailing_stop_market(*trail, "atr", 2.0),
        "trail period negative": lambda: book.submit_trailing_stop_market(*trail, "atr", 2.0, -1),
        "trail period float": lambda: book.submit_trailing_stop_market(*trail, "atr", 2.0, 1.5),
        "trail limit": lambda: book.submit_trailing_stop_limit("sell", 9, None, 1, "fixed", 1),
        "cancel negative": lambda: book.cancel(-1),
        "cancel large": lambda: book.cancel(2**64),
        "cancel text": lambda: book.cancel("1"),
        "cancel unknown": lambda: book.cancel(99),
        "modify price": lambda: book.modify(99, 2**63, 1),
        "modify quantity": lambda: book.modify(99, 1, -1),
        "modify float": lambda: book.modify(99, 1, 1.0),
        "modify zero": lambda: book.modify(1, 1, 0),
        "order negative": lambda: book.get_order(-1),
        "order float": lambda: book.get_order(1.0),
        "stop order none": lambda: book.get_stop_order(None),
        "depth negative": lambda: book.depth(-1),
        "depth text": lambda: book.depth("1"),
        "replay number": lambda: nb.Exchange.replay([1]),
        "replay none": lambda: nb.Exchange.replay(None),
        "replay iterator": lambda: nb.Exchange.replay(iter(book.events())),
        "arguments": lambda: nb.Exchange(1),
        "assignment": lambda: setattr(book.events()[0], "kind", "x"),
        "symbol long": lambda: multi.get_or_create("TOOLONGNAME"),
        "symbol number": lambda: multi.get_or_create(5),
        "symbol submit": lambda: multi.submit_limit("TOOLONGNAME", "buy", 1, 1),
        "symbol side": lambda: multi.submit_market("A", "x", 1),
        "itch missing": lambda: nb.parse_itch("/nonexistent/file.itch"),
        "itch number": lambda: nb.parse_itch(5),
        "lob portfolio": lambda: nb.Portfolio(1, nb.CostModel()).rebalance_lob([("A", 1.0)], book),
    }


def errors(nb: Any) -> dict[str, str | None]:
    """Type of the error of every bad call, or None."""
    return {name: _error_of(call) for name, call in bad_calls(nb).items()}


def _error_of(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001
        names = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        return names[0]
    return None


def deliberate(nb: Any) -> dict[str, Any]:
    """What ours answers otherwise, on purpose; no call that can hang the wheel."""
    book = nb.Exchange()
    book.submit_limit("sell", 100, 30)
    taken = book.submit_limit("buy", 100, 50, "ioc").order_id
    return {
        "partial_ioc": [book.get_order(taken).status, book.get_order(taken).remaining_quantity],
        "partial_ioc_cancel": repr(book.cancel(taken)),
        "zero_quantity": _answer(lambda: nb.Exchange().submit_limit("buy", 7, 0).status),
        "zero_stop": _answer(lambda: nb.Exchange().submit_stop_market("buy", 7, 0).status),
        "market_price": _answer(lambda: nb.Exchange().submit_limit("buy", 2**63 - 1, 5).status),
        "huge_quantity": _answer(lambda: nb.Exchange().submit_limit("buy", 1, 2**63).status),
        "cancel_after_fill": _cancel_after_fill(nb),
        "modify_that_trades": _modify_that_trades(nb),
        "sweep": _sweep(nb),
        "percentage": _percentage(nb),
        "trail_values": [
            _answer(lambda value=value: nb.Exchange().submit_trailing_stop_market("sell", 90, 1, *value).status)
            for value in (("fixed", -5), ("fixed", 0.5), ("percentage", 1.5), ("atr", 2.0, 0))
        ],
        "copied_book": _copied_book(nb),
        "unknown_symbol": _unknown_symbol(nb),
        "pickle": _answer(lambda: _pickled(book.events()[0])),
    }


def _answer(call: Callable[[], Any]) -> Any:
    return _error_of(call) or call()


def _cancel_after_fill(nb: Any) -> Any:
    """BUG 1, without the match that hangs: what is left of two orders of which one is filled and one cancelled."""
    book = nb.Exchange()
    book.submit_limit("buy", 100, 1)
    book.submit_limit("buy", 100, 2)
    book.submit_limit("sell", 100, 1)
    return [book.cancel(2).success, [level.quantity for level in book.depth().bids]]


def _modify_that_trades(nb: Any) -> Any:
    """BUG 3: last price and stops after it, live and replayed."""
    book = nb.Exchange()
    book.submit_limit("sell", 105, 5)
    book.submit_stop_market("buy", 105, 1)
    book.submit_limit("sell", 105, 5)
    book.submit_limit("buy", 100, 5)
    book.modify(4, 105, 5)
    replayed = nb.Exchange.replay(book.events())
    return [[side.last_trade_price(), len(side.trades()), side.pending_stop_count()] for side in (book, replayed)]


def _sweep(nb: Any) -> Any:
    """WEAK 3: one order trades at 10,100 and then at 10,000; a buy stop lies at 10,050 and a sell at 10,050."""
    book = nb.Exchange()
    book.submit_limit("buy", 10_100, 1)
    book.submit_limit("buy", 10_000, 1)
    book.submit_stop_market("buy", 10_050, 1)
    book.submit_limit("sell", 10_000, 2)
    return book.pending_stop_count()


def _percentage(nb: Any) -> Any:
    """5 % of 10,010 is 500.5."""
    book = nb.Exchange()
    book.submit_trailing_stop_market("sell", 9_000, 1, "percentage", 0.05)
    book.submit_limit("sell", 10_010, 1)
    book.submit_limit("buy", 10_010, 1)
    return book.get_stop_order(1)["stop_price"]


def _copied_book(nb: Any) -> Any:
    multi = nb.MultiExchange()
    multi.get_or_create("A").submit_limit("buy", 100, 1)
    return multi.best_prices()


def _unknown_symbol(nb: Any) -> Any:
    multi = nb.MultiExchange()
    multi.cancel("A", 1)
    return multi.symbols()


def _pickled(event: Any) -> str:
    import pickle

    return repr(pickle.loads(pickle.dumps(event)))  # noqa: S301

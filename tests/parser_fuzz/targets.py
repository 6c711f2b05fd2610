"""The eight parsers that read what others wrote, each with valid examples and the way in which it is called."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import random
import shutil
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nanodesk.errors import NanodeskError
from parser_fuzz.mutations import Mutator, TreeMutator, field_tokens, json_tokens, quoted, text_tokens, toml_tokens

Parse = Callable[[bytes], object]


@dataclass(frozen=True)
class Door:
    """One way into a parser: what makes its input, and what reads it."""

    make: Callable[[random.Random], bytes]
    parse: Parse


@dataclass(frozen=True)
class Target:
    """One of the eight: its doors are tried in turn; ``allowed`` is what may leave them."""

    doors: tuple[Door, ...]
    allowed: tuple[type[BaseException], ...] = (NanodeskError,)


def tws() -> Target:
    """Frames of the TWS socket, at both ends."""
    from nanodesk.brokers.ibkr.codec import TwsCodec
    from nanodesk.brokers.ibkr.contracts import ContractBook
    from nanodesk.brokers.ibkr.executions import ExecutionTable
    from nanodesk.brokers.ibkr.frames import FrameBuffer, split_body
    from nanodesk.brokers.ibkr.messages import CommissionMessage, ExecutionMessage, OrderMessage, OrderStatusMessage
    from nanodesk.brokers.ibkr.orders import OrderTable
    from nanodesk.venues.tws.requests import parse_request

    codec, book = TwsCodec(), ContractBook()
    replies, requests = _tws_bodies()

    def server_message(body: bytes) -> None:
        message = codec.parse(body)
        orders, fills = OrderTable(book.desk_name), ExecutionTable(book.desk_name)
        if isinstance(message, OrderMessage):
            orders.on_order(message)
        elif isinstance(message, OrderStatusMessage):
            orders.on_status(message)
        elif isinstance(message, ExecutionMessage):
            fills.on_execution(message, 1.0)
        elif isinstance(message, CommissionMessage):
            fills.on_commission(message)

    def stream(data: bytes) -> None:
        for body in FrameBuffer().feed(data):
            codec.parse(body)

    answers = Mutator(replies, field_tokens, joint=b"\0")
    asked = Mutator(requests, field_tokens, joint=b"\0")
    return Target(
        (
            Door(answers, server_message),
            Door(asked, lambda body: parse_request(split_body(body))),
            Door(lambda rng: _framed(answers, rng), stream),
        )
    )


def _framed(make: Callable[[random.Random], bytes], rng: random.Random) -> bytes:
    parts = []
    for _ in range(1 + int(rng.random() * 3)):
        body = make(rng)
        length = len(body) if rng.random() < 0.8 else rng.choice((0, 1, len(body) + 7, 0xFFFFFF, 0x1000000, 0xFFFFFFFF))
        parts.append(struct.pack(">I", length) + body)
    return b"".join(parts)


def _tws_bodies() -> tuple[list[bytes], list[bytes]]:
    from nanodesk.brokers.ibkr.codec import TwsCodec
    from nanodesk.brokers.ibkr.frames import frame
    from nanodesk.brokers.ibkr.messages import TwsContract
    from nanodesk.venues.tws import messages as say
    from nanodesk.venues.tws.orders import OrderKey, TwsOrders

    market = _market()
    orders = TwsOrders(market, "DU1", "PAPER", 7)
    fields: list[list[object]] = [
        [9, 1, 42], [15, 1, "DU1"], [49, 1, 1_700_000_000], [53, 1], [55, 1, 9], [52, 1, 9], [57, 1, 3], [54, 1, "DU1"],
        [1, 6, 3, 1, "184.99", "100", 0], [2, 6, 3, 0, "100"], [62, 1], [102],
        say.error(-1, 1100, "Connectivity lost"), say.error(3, 201, "Order rejected"),
        [6, 2, "NetLiquidation", "1000.00", "USD", "DU1"], [63, 1, 9, "DU1", "TotalCashValue", "5.5", "USD"],
        say.position(orders.contract("AAPL"), "DU1", 5 * 10**9, 3),
        say.contract_details(9, orders.contract("AAPL"), market.rules("AAPL"), 0),
    ]  # fmt: skip
    for order in market.orders("PAPER"):
        orders.use_id(OrderKey(1, order.number), order.number)
        fields += [orders.open_order(order), orders.status(order)]
        fields.append(say.completed_order(order, 77, orders.contract(order.symbol), "DU1"))
        fields += orders.executions(9, [order])
    replies = [frame(row)[4:] for row in fields]
    codec = TwsCodec()
    requests = [body[4:] for body in _requests(codec, TwsContract("AAPL"))]
    return replies, requests + [b"4\x001\x0017\x00\x00", b"71\x002\x001\x00\x00", b"61\x001\x00"]


def _requests(codec: object, contract: object) -> list[bytes]:
    from nanodesk.market.enums import Side
    from nanodesk.market.fixed_point import E9
    from nanodesk.market.order import Order, OrderType

    market = Order("a-1", "AAPL", Side.BUY, 5 * E9)
    limit = Order("a-2", "AAPL", Side.SELL, 5 * E9, OrderType.LIMIT, 185 * E9)
    return [codec.place_order(7, contract, order, "DU1") for order in (market, limit)]  # type: ignore[attr-defined]


def _market() -> object:
    from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
    from nanodesk.market.account import Quote
    from nanodesk.market.enums import Side
    from nanodesk.market.fixed_point import E9
    from nanodesk.market.order import Order, OrderType
    from nanodesk.market.trading_rules import TradingRules

    market = PaperMarket(
        [TradingRules("AAPL")],
        quotes=[Quote("AAPL", 184 * E9, 185 * E9, None, 0)],
        cash_e9={"USD": 10**6 * E9},
        now_ns=VirtualClock(10**18),
    )
    market.submit("PAPER", Order("a-1", "AAPL", Side.BUY, 5 * E9))
    market.submit("PAPER", Order("a-2", "AAPL", Side.BUY, 5 * E9, OrderType.LIMIT, 180 * E9))
    return market


def binance() -> Target:
    """Messages of REST, WebSocket API and streams, and the heads of answers."""
    from nanodesk.brokers.binance.recorded import read_message
    from nanodesk.brokers.http_connection import parse_head

    heads = [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\nX-MBX-USED-WEIGHT-1M: 5\r\n\r\n",
        b"HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    ]
    return Target((*_json_doors(_BINANCE, read_message), Door(Mutator(heads, text_tokens), parse_head)))


def alpaca() -> Target:
    """Objects of REST and the trade stream."""
    if importlib.util.find_spec("nanodesk.brokers.alpaca.messages") is None:
        raise ModuleNotFoundError("the Alpaca adapter is not part of this version")
    from nanodesk.brokers.alpaca import messages
    from nanodesk.brokers.fields import Fields
    from nanodesk.brokers.strict_json import parse_json

    readers: list[Callable[[Fields], object]] = [
        messages.order_report,
        messages.activity,
        messages.trade_update,
        lambda row: messages.account(row, is_live=False, ts_ns=0),
        messages.position,
        lambda row: messages.latest_quote(row, "AAPL"),
        lambda row: messages.asset_rules(row, is_open=True, is_fractional=True),
    ]

    def read(text: bytes) -> None:
        value = parse_json(text)
        for row in value if isinstance(value, list) else [value]:
            kind = next(
                (at for at, keys in enumerate(_ALPACA_KEYS) if isinstance(row, dict) and keys <= row.keys()), None
            )
            if kind is not None:
                readers[kind](Fields(row, "row"))

    return Target(_json_doors(_ALPACA, read))


def target_file() -> Target:
    """The target file of weights."""
    from nanodesk.rebalance.target import Target as Weights

    sound = Weights("2024-01-31T21:00:00Z", {"AAPL": 0.6, "BRK.B": 0.4}, {"max_leverage": 1.5}, "run-1").to_json()
    return Target(_json_doors([json.loads(sound)], lambda text: Weights.from_json(_decoded(text))))


def toml() -> Target:
    """Strategy manifest, configuration of live orders, quotes and faults."""
    from nanodesk.brokers.paper.quotes import parse_quotes, read_table
    from nanodesk.rebalance.config import parse_config
    from nanodesk.research.manifest import parse_manifest
    from nanodesk.toml_files.source import parse_toml
    from nanodesk.venues.faults import parse_faults

    manifest = importlib.util.find_spec("nanodesk.cli").submodule_search_locations[0]  # type: ignore[union-attr,index]
    manifest_text = (Path(manifest) / "demo.toml").read_bytes()

    def tables(text: bytes) -> None:
        with _File(text, ".toml") as path:
            content = read_table(path)
        with contextlib.suppress(NanodeskError):
            parse_quotes(content)
        parse_faults(content)

    def door(texts: list[bytes], parse: Callable[[str], object]) -> Door:
        return Door(Mutator(texts, toml_tokens, words=_TOML_WORDS), lambda text: parse(_decoded(text)))

    return Target(
        (
            door([_MANIFEST] * 20 + [manifest_text], parse_manifest),
            door([_CONFIG], parse_config),
            door([_CONFIG, _MANIFEST], lambda text: parse_toml(text, "f")),
            Door(Mutator([_QUOTES, _FAULTS], toml_tokens, words=_TOML_WORDS), tables),
        )
    )


def audit() -> Target:
    """The exported journal: damaged as text, and damaged with its chain of hashes made good again."""
    from nanodesk.oms.audit import import_audit, read_audit
    from nanodesk.oms.journal import Journal

    sound = _audit_export()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-audit-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # noqa: S108
    count = 0

    def read(text: bytes) -> None:
        with _File(text, ".jsonl") as path:
            for _ in read_audit(path):
                pass

    def imported(text: bytes) -> None:
        nonlocal count
        count += 1
        if count % 200:
            read(text)
            return
        for old in folder.iterdir():
            old.unlink()
        with _File(text, ".jsonl") as path:
            import_audit(path, folder / "journal.db")
        with Journal.open(folder / "journal.db", read_only=True) as journal:
            journal.verify()

    import atexit

    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    words = quoted([b"order_intent", b"order_filled", b"a-1", b"nanodesk.audit/2", b"nanodesk.audit/1"])
    words += [b"{}", b"[]", b"[1]", b'{"a":1}', b"true", b"1.5", b"9" * 30, b"-" + b"9" * 30]
    damaged = Mutator([sound], json_tokens, words=words)
    rows = [json.loads(line) for line in sound.splitlines()[1:-1]]
    lines = TreeMutator(rows, ["order_intent", "nanodesk.audit/2", "a-1"])
    return Target((Door(damaged, read), Door(lambda rng: _chained(lines, rng), imported)))


def _audit_export() -> bytes:
    from nanodesk.oms.audit import export_audit
    from nanodesk.oms.journal import Journal
    from nanodesk.oms.journal_event import JournalEvent

    with tempfile.TemporaryDirectory() as folder:
        with Journal.open(Path(folder) / "j.db", now_ns=lambda: 1_700_000_000 * 10**9) as journal:
            intent = {"symbol": "AAPL", "side": "buy", "quantity_e9": 5, "order_type": "market", "time_in_force": "day"}
            fill = {"symbol": "AAPL", "side": "buy", "quantity_e9": 5, "price_e9": 7, "ts_event_ns": 3}
            journal.append([JournalEvent("order_intent", intent, "a-1"), JournalEvent("order_submitted", {}, "a-1")])
            journal.append([JournalEvent("order_filled", fill, "a-1", "paper", "PAPER", "E1")])
            export_audit(journal, Path(folder) / "audit.jsonl")
        return (Path(folder) / "audit.jsonl").read_bytes()


def _chained(rows: TreeMutator, rng: random.Random) -> bytes:
    """Lines whose contents were changed by someone who knows how to make the hashes fit."""
    from nanodesk.oms import audit as text
    from nanodesk.oms.journal_event import canonical_json, first_hash, next_hash

    previous, lines = first_hash("id", 5), [text._header_line("id", 5)]
    for number in range(1, 2 + int(rng.random() * 3)):
        row = rows.value(rng)
        try:
            payload = {key: value for key, value in row.items() if key not in text._OWN} | row.get("payload", {})
            names = (row["event"], row.get("client_order_id", ""), *row.get("execution", ["", "", "", 0]))
            place = (number if rng.random() < 0.95 else number + 1, 0, row["version"])
            previous = next_hash(previous, *place, *names, canonical_json(payload))
            changed = {"sequence_number": place[0], "ts": "1970-01-01T00:00:00.000000000Z", "hash": previous.hex()}
            row = {key: changed.get(key, value) for key, value in row.items()}
        except Exception:  # noqa: BLE001, S110  then the line stays as it was damaged
            pass
        lines.append(json.dumps(row, separators=(",", ":")).encode() + b"\n")
    return b"".join([*lines, text._end_line(len(lines) - 1, previous)])


def symbols() -> Target:
    """Names of instruments, wherever one is taken from outside."""
    from nanodesk.brokers.ibkr.contracts import ContractBook
    from nanodesk.brokers.ibkr.messages import TwsContract
    from nanodesk.market.instrument import Instrument
    from nanodesk.rebalance.target import symbol_fault
    from nanodesk.research.lake import _check_name
    from nanodesk.risk.checks.sanity import LONGEST_SYMBOL, _symbol_fault
    from nanodesk.toml_files.source import parse_dotted

    book = ContractBook()

    def read(raw: bytes) -> None:
        name = raw.decode("utf-8", "surrogateescape")
        fault = symbol_fault(name)
        _symbol_fault(name)
        if fault is None and (not 0 < len(name) <= LONGEST_SYMBOL or ".." in name or set(name) & set("/\\\0\n:")):
            raise AssertionError(f"{name!r} is taken for a symbol")
        for take in (Instrument, _check_name, parse_dotted):
            with contextlib.suppress(NanodeskError):
                take(name)
        contract = book.contract(name)
        book.desk_name(TwsContract(name))
        book.desk_name(contract)

    names = [
        b"AAPL",
        b"BRK.B",
        b"BTCUSDT",
        b"^GSPC",
        b"ES=F",
        b"7203.T",
        b"BTC-USD",
        "币安人生USDT".encode(),
        b"EURUSD",
    ]
    return Target((Door(Mutator(names, text_tokens, words=[b"signals.factor[0].id", b'"a"', b"[9999999]"]), read),))


def command_line() -> Target:
    """Words of the command line, through every option and argument of every command; nothing is run."""
    import typer.main

    from nanodesk.cli import app as face

    root = typer.main.get_command(face.app)
    _silence(root)
    face.app = root.main  # built once, and nothing behind it
    sink = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open as long as the process

    def read(raw: bytes) -> None:
        words = [word.decode("utf-8", "surrogateescape") for word in raw.split(b"\0")]
        try:
            with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                face.run_command(words)
        except Exception as error:
            # --debug asks for the traceback of what is otherwise told in a line.
            if "--debug" not in words or getattr(error, "exit_code", None) is None:
                raise

    seeds = [
        b"demo\0--json", b"run\0m.toml\0--set\0a.b=1\0--json", b"rebalance\0run\0target.json\0--dry-run\0--force",
        b"rebalance\0--broker\0paper\0status\0--json", b"venue\0binance\0--port\x000\0--seed\x007", b"orders\0--json",
        b"audit\0verify\0j.db", b"audit\0export\0j.db\0a.jsonl", b"trade\0m.toml\0--broker\0paper\0--once", b"version",
        b"sweep\0m.toml", b"check\0m.toml", b"diff\0a\0b", b"ingest\0f.csv", b"report\0r", b"lob", b"factors\0--json",
        b"rebalance\0kill\0--flatten", b"--debug\0version", b"rebalance\0reconcile\0target.json",
    ]  # fmt: skip
    door = Door(Mutator(seeds, field_tokens, joint=b"\0", words=[b"--", b"-", b"-x", b"--set=a=b", b"--port=-1"]), read)
    return Target((door,), ())


def _silence(command: object) -> None:
    for inner in getattr(command, "commands", {}).values():
        _silence(inner)
    command.callback = lambda **_: None  # type: ignore[attr-defined]


TARGETS: dict[str, Callable[[], Target]] = {
    "tws": tws,
    "binance": binance,
    "alpaca": alpaca,
    "target": target_file,
    "toml": toml,
    "audit": audit,
    "symbols": symbols,
    "cli": command_line,
}
"""By name; calling one imports what it needs."""


class _File:
    """Bytes as a file without a disk, where the system can do so."""

    def __init__(self, content: bytes, suffix: str) -> None:
        self._content, self._suffix = content, suffix

    def __enter__(self) -> Path:
        place = "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()  # noqa: S108
        self.path = Path(place) / f"fuzz-{os.getpid()}{self._suffix}"
        self.path.write_bytes(self._content)
        return self.path

    def __exit__(self, *_: object) -> None:
        self.path.unlink()


def _decoded(text: bytes) -> str:
    # The readers of files refuse what is no UTF-8 before a parser sees it.
    return text.decode("utf-8", "replace")


def _json_doors(values: list[object], parse: Parse) -> tuple[Door, ...]:
    seeds = [json.dumps(value).encode() for value in values]
    words = [
        *quoted([b"1.5", b"-1", b"1e-30", b"9" * 40, b"BUY", b"FILLED", b"../x", b"\\u0000"]),
        b'"\\ud800"',
        b"{}",
        b"[]",
    ]
    return Door(Mutator(seeds, json_tokens, words=words), parse), Door(TreeMutator(values), parse)


_REPORT = {
    "e": "executionReport", "E": 1, "s": "BTCUSDT", "c": "a-1", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1.0",
    "p": "2.0", "P": "0.0", "C": "", "x": "TRADE", "X": "FILLED", "r": "NONE", "i": 7, "l": "1.0", "z": "1.0",
    "L": "2.0", "n": "0", "N": None, "T": 1, "t": 3, "I": 9, "Z": "2.0",
}  # fmt: skip
_ORDER = {
    "symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "a-1", "price": "1.0", "origQty": "1.0", "executedQty": "0.5",
    "cummulativeQuoteQty": "0.5", "status": "NEW", "type": "LIMIT", "side": "BUY", "transactTime": 1,
    "fills": [{"price": "1", "qty": "0.5", "commission": "0", "commissionAsset": "BNB", "tradeId": 4}],
}  # fmt: skip
_BINANCE: list[object] = [
    _REPORT,
    _ORDER,
    {"symbol": "B", "id": 1, "orderId": 2, "price": "1", "qty": "1", "commission": "0", "time": 1, "isBuyer": True},
    {
        "rateLimits": [{"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 5}],
        "symbols": [
            {
                "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
                "orderTypes": ["LIMIT"],
                "filters": [
                    {"filterType": "PRICE_FILTER", "minPrice": "0", "maxPrice": "0", "tickSize": "0.01"},
                    {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "9000", "stepSize": "0.1"},
                    {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000"},
                ],
            }
        ],
    },
    {"balances": [{"asset": "BTC", "free": "1", "locked": "0"}]},
    {"id": 1, "status": 200, "result": _ORDER},
    {"subscriptionId": 0, "event": _REPORT},
    {"code": -1013, "msg": "Filter failure: LOT_SIZE"},
    {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": _ORDER, "newOrderResponse": _ORDER},
]  # fmt: skip

_ALPACA_ORDER = {
    "id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "client_order_id": "a-1", "created_at": "2021-03-16T18:38:01.942282Z",
    "updated_at": "2021-03-16T18:38:01.942282Z", "filled_at": None, "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    "symbol": "AAPL", "qty": "2", "notional": None, "filled_qty": "1", "filled_avg_price": "185.01", "type": "limit",
    "order_type": "limit", "side": "buy", "time_in_force": "day", "limit_price": "185.5", "stop_price": None,
    "status": "partially_filled", "extended_hours": False, "legs": None, "replaced_by": None, "replaces": None,
}  # fmt: skip
_ALPACA: list[object] = [
    _ALPACA_ORDER,
    {
        "id": "20210316::a", "activity_type": "FILL", "transaction_time": "2021-03-16T18:38:01.942282Z",
        "type": "partial_fill", "price": "185.01", "qty": "1", "side": "buy", "symbol": "AAPL", "leaves_qty": "1",
        "order_id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "cum_qty": "1", "order_status": "partially_filled",
    },
    {
        "event": "partial_fill", "execution_id": "2f63ea93-423d-4169-b3f6-3fdafc10c418", "price": "185.01", "qty": "1",
        "position_qty": "1", "timestamp": "2021-03-16T18:38:01.942282Z", "order": _ALPACA_ORDER,
    },
    {
        "id": "904837e3-3b76-47ec-b432-046db621571b", "account_number": "PA1", "status": "ACTIVE", "currency": "USD",
        "cash": "100.5", "equity": "200.5", "buying_power": "401", "portfolio_value": "200.5",
    },
    {"asset_id": "b", "symbol": "AAPL", "qty": "-5", "side": "short", "avg_entry_price": "100.0", "market_value": "-5"},
    {"symbol": "AAPL", "quote": {"t": "2021-03-16T18:38:01.942282123Z", "ap": 185.01, "as": 2, "bp": 184.99, "bs": 1}},
    {
        "id": "b", "class": "us_equity", "symbol": "AAPL", "status": "active", "tradable": True, "marginable": True,
        "shortable": True, "easy_to_borrow": True, "fractionable": True, "min_order_size": "0.01",
        "min_trade_increment": "0.01", "price_increment": "0.01",
    },
]  # fmt: skip
_ALPACA_KEYS = [
    {"client_order_id", "status"}, {"activity_type"}, {"event", "order"}, {"account_number"}, {"avg_entry_price"},
    {"quote"}, {"tradable"},
]  # fmt: skip

_TOML_WORDS = [
    *quoted([b"x", b"paper", b"../x", b"1.5", b"\\u0000"]), b"[[", b"]]", b"[", b"]", b"=", b".", b"\n", b"{", b"}",
    b'"""', b"\'\'\'", b"\nschema = 1\n", b"1979-05-27", b"1979-05-27T07:32:00Z", b"0b2", b"#",
]  # fmt: skip
_CONFIG = b"""
[connection]
broker = "binance"
mode = "paper"
timeout_secs = 5.0
base_url = "http://127.0.0.1:8080"
api_key_env = "KEY"

[account]
id = "DU1"
type = "cash"

[execution]
order_type = "twap"
twap_slices = 3
limit_offset_bps = 5

[risk]
max_position_pct = 0.25
max_trade_usd = 1000.5
blocked_symbols = ["X"]

[cost]
commission_bps = 1.0

[logging]
dir = "logs"

[kill]
flatten = true
"""
_MANIFEST = b"""
schema = 1
[strategy]
name = "small"
[data]
lake = "bundled"
prices = "sp500_20"
start = 1990-01-02
[[signals.factor]]
id = "mom_12_1"
weight = 0.3
[portfolio.limits]
max_weight = 0.15
[backtest]
fill = "next_close"
"""
_QUOTES = b"""
schema = 1
currency = "USD"
cash = "1000000"
[[symbols]]
symbol = "AAPL"
bid = "184.99"
ask = 185.01
last = "185"
bid_size = 1000
tick = "0.01"
lot = "1"
"""
_FAULTS = b"""
schema = 1
[[rules]]
fault = "reset_after_accept"
match = "new"
nth = 2
count = 1
[[rules]]
fault = "duplicate"
at = "event"
probability = 0.1
seconds = 1.5
"""

"""Quotes for a paper market: the quotes file, quotes built from closes, and recorded feeds."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from nanodesk.atomic_file import write_text
from nanodesk.brokers.strict_json import exact_decimal
from nanodesk.errors import ConfigError, DataError, PriceError, ValidationError
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import format_e9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.toml_files.lines import nested_deeper
from nanodesk.toml_files.source import MAX_NESTING, read_text

SCHEMA: Final = 1
LARGEST_FILE: Final = 1 << 20
"""Bytes of a settings or quotes file."""


def read_table(path: Path) -> dict[str, Any]:
    """A JSON or TOML file as one table; numbers with a point stay exact as ``Decimal``.

    Parameters
    ----------
    path : Path
        Ends in ``.json`` or ``.toml``; at most 1 MiB.

    Returns
    -------
    table : dict
        Its content.

    Raises
    ------
    ConfigError
        If it cannot be read, is too large or too deep, repeats a key, or is no table.
    """
    text = read_text(path, max_bytes=LARGEST_FILE)
    try:
        table = _toml(text) if path.suffix == ".toml" else _json(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {str(error)[:200]}") from error
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: must hold one table")
    return table


def _toml(text: str) -> dict[str, Any]:
    # Dotted keys cost quadratic time, wherever they stand; the cap keeps a hostile file cheap.
    if line := nested_deeper(text, MAX_NESTING):
        raise ValueError(f"line {line} is nested more than {MAX_NESTING} deep")
    return tomllib.loads(text, parse_float=exact_decimal)


def _json(text: str) -> Any:
    return json.loads(text, parse_float=exact_decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is given twice")
    return table


@dataclass(frozen=True, slots=True)
class QuotesFile:
    """What a quotes file holds.

    Parameters
    ----------
    currency : str
        Of prices and cash.
    cash_e9 : int
        First cash of the account, in billionths.
    rules : tuple of TradingRules
        One for each symbol.
    quotes : tuple of Quote
        One for each symbol, in the same order.
    holdings_e9 : dict of str to int
        First positions by symbol, in billionths.
    """

    currency: str
    cash_e9: int
    rules: tuple[TradingRules, ...]
    quotes: tuple[Quote, ...]
    holdings_e9: dict[str, int]


_TOP: Final = {"schema", "currency", "cash", "as_of_ns", "symbols"}
_PRICES: Final = ("bid", "ask", "last")
_SIZES: Final = ("bid_size", "ask_size")
_RULES: Final = {
    "tick": "tick_e9",
    "lot": "lot_e9",
    "min_quantity": "min_quantity_e9",
    "max_quantity": "max_quantity_e9",
    "min_notional": "min_notional_e9",
    "max_notional": "max_notional_e9",
}
_WORDS: Final = ("base", "asset_class", "sector", "venue")
_SYMBOL_KEYS: Final = {
    "symbol",
    "position",
    "multiplier",
    "can_short",
    *_PRICES,
    *_SIZES,
    *_RULES,
    *_WORDS,
}


def parse_quotes(content: Mapping[str, Any], *, source: str = "quotes", currency: str | None = None) -> QuotesFile:
    """Quotes from the content of a quotes file.

    Parameters
    ----------
    content : mapping
        As ``docs/paper-trading.md`` describes it.
    source : str, default "quotes"
        Name of the file, for errors.
    currency : str, optional
        Stands in for the file's, as a venue's quote asset does.

    Returns
    -------
    quotes : QuotesFile
        Rules and quotes.

    Raises
    ------
    ConfigError
        Listing every key that is unknown, missing or wrong.
    """
    problems = [f"{source}: {key}: unknown key" for key in content if key not in _TOP]
    schema = content.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        problems.append(f"{source}: schema: {schema!r:.60} must be {SCHEMA}")
    money = currency or content.get("currency", "USD")
    if not isinstance(money, str) or not money:
        problems.append(f"{source}: currency: {money!r} must be a name")
        money = "USD"
    cash = _amount(content.get("cash", "1000000"), f"{source}: cash", problems)
    as_of = content.get("as_of_ns", 0)
    if isinstance(as_of, bool) or not isinstance(as_of, int):
        problems.append(f"{source}: as_of_ns: {as_of!r} must be an integer")
        as_of = 0
    rows = content.get("symbols")
    if not isinstance(rows, list) or not rows:
        problems.append(f"{source}: symbols: must be a list with at least one entry")
        rows = []
    parsed = [
        _parse_symbol(row, f"{source}: symbols[{index}]", money, as_of, problems) for index, row in enumerate(rows)
    ]
    found = [row for row in parsed if row is not None]
    counts = Counter(rules.symbol for rules, _, _ in found)
    problems += [f"{source}: symbols: {name!r} is given twice" for name, count in sorted(counts.items()) if count > 1]
    if problems:
        raise ConfigError("\n".join(problems), problems=problems)
    return QuotesFile(
        money,
        cash or 0,
        tuple(rules for rules, _, _ in found),
        tuple(quote for _, quote, _ in found),
        {rules.symbol: held for rules, _, held in found if held},
    )


def _amount(value: object, where: str, problems: list[str], *, least: int = 0) -> int | None:
    try:
        if not isinstance(value, (str, int, Decimal, float)):
            raise PriceError("no number")
        amount = parse_e9(value)
    except PriceError:
        problems.append(f"{where}: {value!r} must be a decimal number with at most 9 places")
        return None
    if amount < least:
        problems.append(f"{where}: {value!r} must be {'above 0' if least else '0 or more'}")
        return None
    return amount


def _parse_symbol(
    row: object, where: str, currency: str, as_of_ns: int, problems: list[str]
) -> tuple[TradingRules, Quote, int] | None:
    if not isinstance(row, dict):
        problems.append(f"{where}: must be a table")
        return None
    before = len(problems)
    problems += [f"{where}.{key}: unknown key" for key in row if key not in _SYMBOL_KEYS]
    symbol = row.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        problems.append(f"{where}.symbol: {symbol!r} must be a name")
    prices = {
        key: _amount(row[key], f"{where}.{key}", problems, least=1) for key in _PRICES if row.get(key) is not None
    }
    sizes = {key: _amount(row.get(key, 0), f"{where}.{key}", problems) or 0 for key in _SIZES}
    bounds = {name: _amount(row[key], f"{where}.{key}", problems) for key, name in _RULES.items() if key in row}
    held = _amount(row.get("position", 0), f"{where}.position", problems, least=-(10**27)) or 0
    words = {key: row[key] for key in _WORDS if key in row}
    problems += [f"{where}.{key}: {word!r} must be text" for key, word in words.items() if not isinstance(word, str)]
    multiplier, can_short = row.get("multiplier", 1), row.get("can_short", False)
    if isinstance(multiplier, bool) or not isinstance(multiplier, int) or multiplier < 1:
        problems.append(f"{where}.multiplier: {multiplier!r} must be an integer of at least 1")
    if not isinstance(can_short, bool):
        problems.append(f"{where}.can_short: {can_short!r} must be true or false")
    if len(problems) > before or not isinstance(symbol, str):
        return None
    options: dict[str, Any] = {**bounds, **words, "multiplier": multiplier, "can_short": can_short}
    try:
        rules = TradingRules(symbol, currency=currency, **options)
    except ValidationError as error:
        problems.append(f"{where}: {error}")
        return None
    quote = Quote(
        symbol,
        prices.get("bid"),
        prices.get("ask"),
        prices.get("last"),
        as_of_ns,
        sizes["bid_size"],
        sizes["ask_size"],
    )
    _check_grid(rules, quote, where, problems)
    return rules, quote, held


def _check_grid(rules: TradingRules, quote: Quote, where: str, problems: list[str]) -> None:
    for key, price in (("bid", quote.bid_e9), ("ask", quote.ask_e9)):
        if price is not None and price % rules.tick_e9:
            problems.append(f"{where}.{key}: {format_e9(price)} is no multiple of tick {format_e9(rules.tick_e9)}")
    for key, size in (("bid_size", quote.bid_quantity_e9), ("ask_size", quote.ask_quantity_e9)):
        if size % rules.lot_e9:
            problems.append(f"{where}.{key}: {format_e9(size)} is no multiple of lot {format_e9(rules.lot_e9)}")


def read_quotes(path: Path, *, currency: str | None = None) -> QuotesFile:
    """A quotes file, JSON or TOML by its ending.

    Parameters
    ----------
    path : Path
        Ends in ``.json`` or ``.toml``; at most 1 MiB.
    currency : str, optional
        Stands in for the file's currency.

    Returns
    -------
    quotes : QuotesFile
        Rules and quotes.

    Raises
    ------
    ConfigError
        Naming the file and every key that is wrong.
    """
    return parse_quotes(read_table(path), source=str(path), currency=currency)


_EXAMPLE: Final = (
    ("AAPL", "184.99", "185.01", "0.01", "1"),
    ("GOOG", "139.99", "140.01", "0.01", "1"),
    ("MSFT", "409.98", "410.02", "0.01", "1"),
    ("SPY", "499.99", "500.01", "0.01", "1"),
    ("BTC", "60000.00", "60000.01", "0.01", "0.00001"),
    ("ETH", "3000.00", "3000.01", "0.01", "0.0001"),
)


def example_quotes(*, currency: str | None = None) -> QuotesFile:
    """Six symbols with unlimited size and a million in cash, to try things with.

    Parameters
    ----------
    currency : str, optional
        In place of ``USD``.

    Returns
    -------
    quotes : QuotesFile
        Rules and quotes.

    Examples
    --------
    >>> [rules.symbol for rules in example_quotes().rules]
    ['AAPL', 'GOOG', 'MSFT', 'SPY', 'BTC', 'ETH']
    """
    rows = [
        {"symbol": symbol, "bid": bid, "ask": ask, "tick": tick, "lot": lot} for symbol, bid, ask, tick, lot in _EXAMPLE
    ]
    return parse_quotes({"schema": SCHEMA, "symbols": rows}, source="example", currency=currency)


def write_quotes(path: Path, quotes: QuotesFile) -> None:
    """Write a quotes file as JSON, in one step.

    Parameters
    ----------
    path : Path
        Destination.
    quotes : QuotesFile
        What to write; :func:`read_quotes` gives it back.
    """
    rows = [
        _row(rules, quote, quotes.holdings_e9.get(rules.symbol, 0))
        for rules, quote in zip(quotes.rules, quotes.quotes, strict=True)
    ]
    as_of = {quote.ts_ns for quote in quotes.quotes}
    content = {
        "schema": SCHEMA,
        "currency": quotes.currency,
        "cash": format_e9(quotes.cash_e9),
        "as_of_ns": max(as_of, default=0),
        "symbols": rows,
    }
    write_text(path, json.dumps(content, indent=1) + "\n")


def _row(rules: TradingRules, quote: Quote, held: int) -> dict[str, Any]:
    default = TradingRules(rules.symbol)
    row: dict[str, Any] = {"symbol": rules.symbol}
    for key, price in (("bid", quote.bid_e9), ("ask", quote.ask_e9), ("last", quote.last_e9)):
        if price is not None:
            row[key] = format_e9(price)
    for key, size in (("bid_size", quote.bid_quantity_e9), ("ask_size", quote.ask_quantity_e9), ("position", held)):
        if size:
            row[key] = format_e9(size)
    for key, name in _RULES.items():
        if key in ("tick", "lot") or getattr(rules, name) != getattr(default, name):
            row[key] = format_e9(getattr(rules, name))
    for key in (*_WORDS, "multiplier", "can_short"):
        if getattr(rules, key) != getattr(default, key):
            row[key] = getattr(rules, key)
    return row


def quotes_from_closes(
    closes: Mapping[str, float | str | Decimal],
    *,
    spread_bps: str | int = "2",
    rules: Mapping[str, TradingRules] | None = None,
    ts_ns: int = 0,
) -> tuple[Quote, ...]:
    """Quotes around closing prices: half the spread to each side, on the tick grid, never locked.

    Parameters
    ----------
    closes : mapping of str to float, str or Decimal
        Closing price by symbol.
    spread_bps : str or int, default "2"
        Whole spread in basis points of the close.
    rules : mapping of str to TradingRules, optional
        Grids by symbol; one cent where missing.
    ts_ns : int, default 0
        Instant of the quotes.

    Returns
    -------
    quotes : tuple of Quote
        Unlimited size, ``last`` the close; sorted by symbol.

    Raises
    ------
    PriceError
        If a close is not above zero, or too small to leave a bid on the grid.

    Examples
    --------
    >>> [quote] = quotes_from_closes({"AAPL": 185.0}, spread_bps=10)
    >>> format_e9(quote.bid_e9), format_e9(quote.ask_e9)
    ('184.9', '185.1')
    """
    bps = parse_e9(spread_bps, field="spread_bps")
    if bps < 0:
        raise PriceError(f"spread_bps={spread_bps} must be 0 or more.", field="spread_bps", value=spread_bps)
    found = []
    for symbol in sorted(closes):
        grid = (rules or {}).get(symbol) or TradingRules(symbol)
        close = parse_e9(closes[symbol], field=f"close of {symbol}")
        half = close * bps // (20_000 * 10**9)
        bid = grid.floor_to_tick(close - half)
        ask = max(grid.ceil_to_tick(close + half), bid + grid.tick_e9)
        if bid <= 0:
            raise PriceError(
                f"close of {symbol}={format_e9(close)} leaves no bid above 0 on a tick of {format_e9(grid.tick_e9)}.",
                field=symbol,
                value=closes[symbol],
                fix="Give the symbol a smaller tick.",
            )
        found.append(Quote(symbol, bid, ask, close, ts_ns))
    return tuple(found)


class RecordedFeed:
    """Quotes of the past, played in the order of their time.

    Parameters
    ----------
    quotes : iterable of Quote
        In order of ``ts_ns``; equal times keep their order.

    Raises
    ------
    DataError
        If a quote is older than the one before it.

    Examples
    --------
    >>> feed = RecordedFeed([Quote("A", 10, 20, None, 5), Quote("A", 11, 20, None, 9)])
    >>> [quote.bid_e9 for quote in feed.until(5)], feed.next_ns
    ([10], 9)
    """

    def __init__(self, quotes: Iterable[Quote]) -> None:
        self._quotes = tuple(quotes)
        self._next = 0
        for before, after in zip(self._quotes, self._quotes[1:], strict=False):
            if after.ts_ns < before.ts_ns:
                raise DataError(
                    f"quote of {after.symbol} at {after.ts_ns} follows one at {before.ts_ns}.",
                    field="ts_ns",
                    value=after.ts_ns,
                    allowed="times that do not fall",
                    fix="Sort the recording.",
                )

    @property
    def next_ns(self) -> int | None:
        """Time of the next quote; ``None`` at the end."""
        return self._quotes[self._next].ts_ns if self._next < len(self._quotes) else None

    def until(self, now_ns: int) -> Iterator[Quote]:
        """Take the quotes up to an instant.

        Parameters
        ----------
        now_ns : int
            Last instant, included.

        Yields
        ------
        quote : Quote
            Each one once.
        """
        while self._next < len(self._quotes) and self._quotes[self._next].ts_ns <= now_ns:
            self._next += 1
            yield self._quotes[self._next - 1]

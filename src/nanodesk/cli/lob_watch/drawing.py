"""Pictures of a market in characters: ladder, tape, gauge, line. Numbers and colors in, styled text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.color import Color, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.style import Style
from rich.text import Text

from nanodesk.cli.lob_shell.render import dollars

if TYPE_CHECKING:
    from nanodesk.book.snapshot import BookSnapshot
    from nanodesk.cli.lob_watch.market import Print

_LEFT_EIGHTHS = " ▏▎▍▌▋▊▉"
_STEPS = (1, 2, 5)
_NUMBERS = 16
"""Columns of one side of the ladder that are not its bar: orders 6, quantity 8, two blanks."""
_LEVELS_IN_SIGHT = 8
_BRAILLE = 0x2800
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""Bits of the dots of a braille cell: left and right column, from the bottom up."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colors of one appearance, as ``#rrggbb``.

    Parameters
    ----------
    background, surface : str
        Of the screen, and of what stands out from it.
    text, muted : str
        Numbers, and labels.
    bid, ask : str
        The two sides.
    accent : str
        Mid, titles, keys.
    last : str
        The price of the last trade.
    """

    background: str
    surface: str
    text: str
    muted: str
    bid: str
    ask: str
    accent: str
    last: str


DARK = Palette("#10141b", "#1a2029", "#e4e8ee", "#8b95a5", "#2fbf8f", "#f2636b", "#62a8ff", "#f5c451")
LIGHT = Palette("#fbfcfd", "#edf0f4", "#1b2330", "#5a6576", "#0b7a55", "#c2303a", "#1c62c4", "#8a5a00")


@dataclass(frozen=True, slots=True)
class Row:
    """One price of the ladder.

    Parameters
    ----------
    price : int
        Lowest price of the row for bids, highest for asks; with a step of one tick simply the price.
    bid_quantity, ask_quantity, bid_orders, ask_orders : int
        Resting there.
    bid_behind, ask_behind : int
        Quantity there and at better prices.
    """

    price: int
    bid_quantity: int = 0
    ask_quantity: int = 0
    bid_orders: int = 0
    ask_orders: int = 0
    bid_behind: int = 0
    ask_behind: int = 0


def price_step(snapshot: BookSnapshot, height: int, tick: int) -> int:
    """The smallest round step at which the best levels of both sides fit the ladder.

    Parameters
    ----------
    snapshot : BookSnapshot
        Depth.
    height : int
        Rows of the ladder.
    tick : int
        Smallest price step.

    Returns
    -------
    step : int
        1, 2, 5, 10, ... times the tick.
    """
    bids, asks = snapshot.bids[:_LEVELS_IN_SIGHT], snapshot.asks[:_LEVELS_IN_SIGHT]
    prices = [level.price for level in (*bids, *asks)]
    span = (max(prices) - min(prices)) // tick + 1 if prices else 1
    unit = 1
    while True:
        for multiple in _STEPS:
            if span <= unit * multiple * max(4, height - 2):
                return tick * unit * multiple
        unit *= 10


def ladder_rows(snapshot: BookSnapshot, top: int, step: int, height: int) -> list[Row]:
    """Rows from high to low prices.

    Parameters
    ----------
    snapshot : BookSnapshot
        Depth.
    top : int
        Price of the first row, a multiple of ``step``.
    step : int
        Price units of a row; bids are rounded down to it, asks up.
    height : int
        Number of rows.

    Returns
    -------
    rows : list of Row
        ``height`` of them.
    """
    bids = _grouped([(level.price // step * step, level) for level in snapshot.bids])
    asks = _grouped([(-(-level.price // step) * step, level) for level in snapshot.asks])
    prices = range(top, top - height * step, -step)
    bid_behind = _carried(bids, prices)
    ask_behind = _carried(asks, prices[::-1])
    none = (0, 0, 0)
    return [
        Row(
            price,
            bid_quantity=bids.get(price, none)[0],
            ask_quantity=asks.get(price, none)[0],
            bid_orders=bids.get(price, none)[1],
            ask_orders=asks.get(price, none)[1],
            bid_behind=bid_behind[price],
            ask_behind=ask_behind[price],
        )
        for price in prices
    ]


def _carried(levels: dict[int, tuple[int, int, int]], prices: Sequence[int]) -> dict[int, int]:
    """Depth at each row, also at rows between levels; ``prices`` go away from the touch."""
    depth, found = 0, {}
    for price in prices:
        depth = levels[price][2] if price in levels else depth
        found[price] = depth
    return found


def _grouped(levels: Sequence[tuple[int, tuple[int, int, int]]]) -> dict[int, tuple[int, int, int]]:
    """Quantity, orders and quantity up to here, of each row's price; best level first."""
    rows: dict[int, tuple[int, int, int]] = {}
    behind = 0
    for price, (_, quantity, orders) in levels:
        behind += quantity
        held = rows.get(price, (0, 0, 0))
        rows[price] = (held[0] + quantity, held[1] + orders, behind)
    return rows


def draw_heads(rows: Sequence[Row], width: int, palette: Palette) -> Text:
    """Names over the columns of ``draw_ladder``.

    Parameters
    ----------
    rows : sequence of Row
        The same rows.
    width : int
        Columns.
    palette : Palette
        Colors.

    Returns
    -------
    text : rich.text.Text
        One line.
    """
    prices = _price_width(rows)
    bar = max(_NUMBERS, (width - prices) // 2) - _NUMBERS
    left = f"Orders {'':{bar}}{'Bids':>8} "
    right = f" {'Asks':<8}{'':{bar}} Orders"
    return Text(left + "Price".center(prices) + right, palette.muted, no_wrap=True, end="")


def _price_width(rows: Sequence[Row]) -> int:
    return max((len(dollars(row.price)) for row in rows), default=7) + 4


def draw_ladder(rows: Sequence[Row], width: int, palette: Palette, last: tuple[int, bool] | None) -> Text:
    """Bids to the left of the prices, asks to the right, with bars of quantity over bars of depth.

    Parameters
    ----------
    rows : sequence of Row
        From high to low.
    width : int
        Columns.
    palette : Palette
        Colors.
    last : (int, bool) or None
        Row price of the last trade, and whether the buyer arrived.

    Returns
    -------
    text : rich.text.Text
        One line a row.
    """
    prices = _price_width(rows)
    side = max(_NUMBERS, (width - prices) // 2)
    bar = side - _NUMBERS
    largest = max((max(row.bid_quantity, row.ask_quantity) for row in rows), default=0) or 1
    deepest = max((max(row.bid_behind, row.ask_behind) for row in rows), default=0) or 1
    text = Text(no_wrap=True, end="")
    for place, row in enumerate(rows):
        bid_lengths = _length(row.bid_quantity, largest, bar), _length(row.bid_behind, deepest, bar)
        ask_lengths = _length(row.ask_quantity, largest, bar), _length(row.ask_behind, deepest, bar)
        text.append(f"{row.bid_orders or '':>6} ", palette.muted)
        text.append_text(_bar(*bid_lengths, bar, palette.bid, palette, to_left=True))
        text.append(_number(row.bid_quantity, 8, ">") + " ", f"bold {palette.bid}" if row.bid_orders else "")
        text.append_text(_price(row, prices, palette, last))
        text.append(" " + _number(row.ask_quantity, 8, "<"), f"bold {palette.ask}" if row.ask_orders else "")
        text.append_text(_bar(*ask_lengths, bar, palette.ask, palette, to_left=False))
        text.append(f" {row.ask_orders or '':<6}", palette.muted)
        text.append("" if place == len(rows) - 1 else "\n")
    return text


def _number(quantity: int, width: int, align: str) -> str:
    shown = f"{quantity:,}" if quantity < 10_000_000 else f"{quantity:.2e}"
    return f"{shown if quantity else '':{align}{width}}"


def _price(row: Row, width: int, palette: Palette, last: tuple[int, bool] | None) -> Text:
    label = dollars(row.price)
    if last is not None and last[0] == row.price:
        arrow = "▲" if last[1] else "▼"
        return Text(f"{arrow} {label} ".center(width), f"bold {palette.background} on {palette.last}")
    color = palette.bid if row.bid_orders else palette.ask if row.ask_orders else palette.muted
    return Text(label.center(width), f"{color} on {palette.surface}")


def _length(quantity: int, largest: int, width: int) -> int:
    """Length of a bar in eighths of a cell; what exists is seen."""
    return max(1, round(8 * width * quantity / largest)) if quantity else 0


def _bar(length: int, shade: int, width: int, color: str, palette: Palette, *, to_left: bool) -> Text:
    """A bar of ``length`` eighths over a faint one of ``shade``; it grows to the left or to the right."""
    faint = _blend(color, palette.background, 0.14)
    color = _blend(color, palette.background, 0.62)
    whole, part = divmod(length, 8)
    shaded = min(width, max(-(-shade // 8), whole + (part > 0)))
    cells = [("█", Style(color=_color(color), bgcolor=_color(color)))] * min(whole, width)
    if part and whole < width:
        under = _color(faint)
        if to_left:
            # There are left eighths only: a right part is a left part with the colors exchanged.
            cells.append((_LEFT_EIGHTHS[8 - part], Style(color=under, bgcolor=_color(color))))
        else:
            cells.append((_LEFT_EIGHTHS[part], Style(color=_color(color), bgcolor=under)))
    cells += [(" ", Style(bgcolor=_color(faint)))] * (shaded - len(cells))
    cells += [(" ", Style())] * (width - len(cells))
    text = Text()
    for character, style in reversed(cells) if to_left else cells:
        text.append(character, style)
    return text


def draw_tape(prints: Sequence[Print], width: int, height: int, palette: Palette) -> Text:
    """Trades, newest first, with a bar of their size.

    Parameters
    ----------
    prints : sequence of Print
        Newest first.
    width, height : int
        Columns and lines.
    palette : Palette
        Colors.

    Returns
    -------
    text : rich.text.Text
        At most ``height`` lines.
    """
    shown = list(prints)[:height]
    largest = max((trade.quantity for trade in shown), default=1)
    price = max((len(dollars(trade.price)) for trade in shown), default=0)
    bar = max(0, width - price - 12)
    text = Text(no_wrap=True, end="")
    for trade in shown:
        color = palette.bid if trade.is_buy else palette.ask
        text.append(f"{'▲' if trade.is_buy else '▼'} {dollars(trade.price):>{price}}", color)
        text.append(f"{trade.quantity:>8,}  ", palette.text)
        length = _length(trade.quantity, largest, bar)
        text.append("━" * max(1, length // 8) + "\n", _blend(color, palette.background, 0.6))
    return text


def draw_gauge(share: float | None, width: int, palette: Palette) -> Text:
    """A share from -1 to 1 as a bar from the middle: asks to the left, bids to the right.

    Parameters
    ----------
    share : float or None
        None draws the empty scale.
    width : int
        Columns, odd.
    palette : Palette
        Colors.

    Returns
    -------
    text : rich.text.Text
        One line.
    """
    half = width // 2
    filled = 0 if share is None else round(abs(share) * half)
    empty, color = palette.surface, palette.bid if (share or 0) > 0 else palette.ask
    left = filled if (share or 0) < 0 else 0
    right = filled if (share or 0) > 0 else 0
    text = Text(no_wrap=True, end="")
    text.append(" " * (half - left), f"on {empty}").append(" " * left, f"on {color}")
    text.append("│", f"{palette.muted} on {empty}")
    text.append(" " * right, f"on {color}").append(" " * (half - right), f"on {empty}")
    return text


def draw_line(values: Sequence[float], width: int, height: int) -> list[str]:
    """A line of values in braille dots, two columns and four rows a cell; the last values if there are too many.

    Parameters
    ----------
    values : sequence of float
        Oldest first.
    width, height : int
        Cells.

    Returns
    -------
    lines : list of str
        ``height`` lines, top first.
    """
    shown = list(values)[-2 * width :]
    cells = [[0] * width for _ in range(height)]
    if shown:
        low, high = min(shown), max(shown)
        rows = 4 * height - 1
        heights = [round((value - low) / (high - low) * rows) if high > low else rows // 2 for value in shown]
        before = heights[0]
        for x, y in enumerate(heights):
            # Jumps are drawn as upright strokes, so that the line is whole.
            for dot in range(min(before + (before < y), y), max(before - (before > y), y) + 1):
                cells[height - 1 - dot // 4][x // 2] |= _DOTS[x % 2][dot % 4]
            before = y
    return ["".join(chr(_BRAILLE + bits) for bits in row) for row in cells]


def _triplet(color: str) -> ColorTriplet:
    return ColorTriplet(int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16))


def _color(color: str) -> Color:
    return Color.from_triplet(_triplet(color))


def _blend(color: str, under: str, opacity: float) -> str:
    return blend_rgb(_triplet(under), _triplet(color), opacity).hex

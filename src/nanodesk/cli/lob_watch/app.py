"""The screen of ``lob --watch``: ladder, measures, tape and keys."""

from __future__ import annotations

from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.theme import Theme
from textual.widgets import Footer, Static

from nanodesk.cli.lob_shell.render import dollars, indication
from nanodesk.cli.lob_watch.drawing import (
    DARK,
    LIGHT,
    Palette,
    draw_gauge,
    draw_heads,
    draw_ladder,
    draw_line,
    draw_tape,
    ladder_rows,
    price_step,
)
from nanodesk.cli.lob_watch.market import Market

SPEEDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 20_000)
"""Commands a second."""
DEFAULT_SPEED = 50
FRAMES_PER_SECOND = 20
_PANEL = 38
_NARROW = 84
_DEPTH = 400
_LONGEST_FRAME_S = 0.25


def _theme(name: str, palette: Palette, *, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=palette.accent,
        secondary=palette.muted,
        success=palette.bid,
        error=palette.ask,
        warning=palette.last,
        accent=palette.accent,
        foreground=palette.text,
        background=palette.background,
        surface=palette.surface,
        panel=palette.surface,
        dark=dark,
        variables={
            "footer-background": palette.surface,
            "footer-foreground": palette.muted,
            "footer-description-foreground": palette.muted,
            "footer-key-foreground": palette.accent,
            "footer-key-background": palette.surface,
        },
    )


class WatchApp(App[None]):
    """A book while its commands run.

    Parameters
    ----------
    market : Market
        What is shown.
    speed : int, default 50
        Commands a second, at the start.
    light : bool, default False
        Dark letters on a light screen.
    paused : bool, default False
        Whether it waits for a key.
    """

    CSS = f"""
    Screen {{ layout: vertical; background: $background; color: $foreground; }}
    Static {{ text-wrap: nowrap; text-overflow: clip; }}
    #title {{ height: 1; padding: 0 1; background: $surface; }}
    #body {{ height: 1fr; }}
    #left {{ width: 1fr; padding: 1 1 0 1; }}
    #heads {{ height: 1; color: $secondary; }}
    #ladder {{ height: 1fr; }}
    #right {{ width: {_PANEL}; padding: 1 1 0 2; border-left: solid $surface; }}
    #measures {{ height: auto; }}
    #line {{ height: 7; margin: 1 0 0 0; }}
    #tape {{ height: 1fr; margin: 1 0 0 0; }}
    .narrow #right {{ display: none; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "pause"),
        Binding("s,right", "step", "step"),
        Binding("plus,equals_sign,up", "faster", "faster", key_display="+"),
        Binding("minus,down", "slower", "slower", key_display="-"),
        Binding("d", "appearance", "light/dark"),
        Binding("r", "restart", "restart"),
        Binding("q,escape", "quit", "quit"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self, market: Market, *, speed: int = DEFAULT_SPEED, light: bool = False, paused: bool = False
    ) -> None:
        super().__init__()
        self.market = market
        self.is_paused = paused
        self._speed = min(range(len(SPEEDS)), key=lambda place: abs(SPEEDS[place] - speed))
        self._owed = 0.0
        self._ticked_at = monotonic()
        self._top = 0
        self._step = 0
        self.register_theme(_theme("nanodesk-dark", DARK, dark=True))
        self.register_theme(_theme("nanodesk-light", LIGHT, dark=False))
        self.theme = "nanodesk-light" if light else "nanodesk-dark"

    @property
    def speed(self) -> int:
        """Commands a second."""
        return SPEEDS[self._speed]

    @property
    def palette(self) -> Palette:
        """Colors in use."""
        return DARK if self.theme == "nanodesk-dark" else LIGHT

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        yield Static(id="title")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Static(id="heads")
                yield Static(id="ladder")
            with Vertical(id="right"):
                yield Static(id="measures")
                yield Static(id="line")
                yield Static(id="tape")
        yield Footer()

    def on_mount(self) -> None:
        """Start the clock of the screen."""
        self.set_interval(1 / FRAMES_PER_SECOND, self._tick)
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Hide the panel where there is no room for it."""
        self.set_class(self.size.width < _NARROW, "narrow")
        self.call_after_refresh(self._draw)

    def action_pause(self) -> None:
        """Stop, or go on."""
        self.is_paused = not self.is_paused
        self._draw()

    def action_step(self) -> None:
        """Stop, and run one command."""
        self.is_paused = True
        self.market.advance(1)
        self._draw()

    def action_faster(self) -> None:
        """The next higher speed."""
        self._speed = min(self._speed + 1, len(SPEEDS) - 1)
        self._draw()

    def action_slower(self) -> None:
        """The next lower speed."""
        self._speed = max(self._speed - 1, 0)
        self._draw()

    def action_appearance(self) -> None:
        """Light, or dark."""
        self.theme = "nanodesk-light" if self.theme == "nanodesk-dark" else "nanodesk-dark"
        self._draw()

    def action_restart(self) -> None:
        """Begin the flow again."""
        self.market.restart()
        self._step = 0
        self._draw()

    def _tick(self) -> None:
        if self.is_paused or self.market.is_done:
            self._ticked_at = monotonic()
            return
        now = monotonic()
        self._owed += self.speed * min(now - self._ticked_at, _LONGEST_FRAME_S)
        self._ticked_at = now
        steps = int(self._owed)
        if steps:
            self._owed -= steps
            self.market.advance(steps)
            self._draw()

    def _draw(self) -> None:
        if not self.is_running or not self.query("#ladder"):
            return
        self._draw_title()
        self._draw_ladder()
        if self.size.width >= _NARROW:
            self._draw_panel()

    def _draw_title(self) -> None:
        palette, market = self.palette, self.market
        if market.is_done:
            state = ("■ end", palette.last)
        elif self.is_paused:
            state = ("‖ paused", palette.last)
        else:
            state = (f"▶ {self.speed:,} a second", palette.bid)
        length = market.flow.length
        steps = f"{market.steps:,}" + ("" if length is None else f" of {length:,}") + " commands"
        title = Text.assemble(("lob", f"bold {palette.accent}"), ("  " + market.flow.title, palette.text))
        title.append(f"   {state[0]}", f"bold {state[1]}").append(f"   {steps}", palette.muted)
        exchange = market.flow.exchange
        if exchange.phase != "continuous":
            phase = indication(exchange) if exchange.phase == "auction" else exchange.phase
            title.append(f"   {phase}", f"bold {palette.last}")
        if self.is_paused and market.last_command:
            title.append(f"   {market.last_command}", palette.text)
        title.truncate(max(1, self.size.width - 2), overflow="ellipsis")
        self.query_one("#title", Static).update(title)

    def _draw_ladder(self) -> None:
        ladder = self.query_one("#ladder", Static)
        width, height = ladder.content_size
        if width < 1 or height < 1:
            return
        exchange = self.market.flow.exchange
        instrument = exchange.instrument
        snapshot = exchange.depth(_DEPTH)
        self._place(snapshot.mid_price or snapshot.best_bid or snapshot.best_ask or exchange.last_trade_price(), height)
        step = price_step(snapshot, height, 1 if instrument is None else instrument.tick_size)
        # A finer step only when it fits well: a ladder that changes its step all the time cannot be read.
        if not self._step or step > self._step or step * 4 <= self._step:
            self._step = step
            self._top = 0
        self._place(snapshot.mid_price or snapshot.best_bid or snapshot.best_ask or exchange.last_trade_price(), height)
        last = None
        if self.market.tape:
            trade = self.market.tape[0]
            price = -(-trade.price // self._step) if trade.is_buy else trade.price // self._step
            last = (price * self._step, trade.is_buy)
        rows = ladder_rows(snapshot, self._top, self._step, height)
        ladder.update(draw_ladder(rows, width, self.palette, last))
        self.query_one("#heads", Static).update(draw_heads(rows, width, self.palette))

    def _place(self, middle: float | None, height: int) -> None:
        """Keep the middle of the market in the middle third; between moves the prices stand still."""
        step = self._step or 1
        middle = 0 if middle is None else middle
        place = (self._top - middle) / step
        if not self._top or not height / 3 <= place <= 2 * height / 3:
            self._top = round(middle / step + height / 2) * step

    def _draw_panel(self) -> None:
        palette, market = self.palette, self.market
        snapshot = market.depth(10)
        last = market.tape[0] if market.tape else None
        width = _PANEL - 4
        text = Text(no_wrap=True, end="")

        def row(label: str, value: str, style: str = palette.text) -> None:
            room = width - 14
            shown = value if len(value) <= room else value[: room - 1] + "…"
            text.append(f"{label:<14}", palette.muted).append(f"{shown:>{room}}\n", style)

        if last is None:
            row("Last", "–")
        else:
            color = palette.bid if last.is_buy else palette.ask
            row("Last", f"{'▲' if last.is_buy else '▼'} {dollars(last.price)}", f"bold {color}")
        row("Spread", _money(snapshot.spread))
        row("Mid", _money(snapshot.mid_price))
        row("Weighted mid", _money(snapshot.weighted_mid))
        row("VWAP", _money(market.vwap))
        row("Volume", f"{market.volume:,}")
        row("Trades", f"{market.trades:,}")
        row("Stops pending", f"{market.flow.exchange.pending_stop_count():,}")
        row("Stops fired", f"{market.stops_triggered:,}")
        share = snapshot.imbalance
        row("Imbalance", "–" if share is None else f"{share:+.0%}")
        text.append_text(draw_gauge(share, width - 1 + width % 2, palette))
        self.query_one("#measures", Static).update(text)
        self._draw_line(width)
        tape = self.query_one("#tape", Static)
        prints = draw_tape(list(market.tape), width, max(0, tape.content_size.height - 1), palette)
        self.query_one("#tape", Static).update(Text.assemble(("Tape\n", palette.muted), prints))

    def _draw_line(self, width: int) -> None:
        mids = self.market.mids
        shown = list(mids)[-2 * width :]
        head = f"{'Mid':<4}" + (f"{_money(min(shown))} – {_money(max(shown))}".rjust(width - 4) if shown else "")
        lines = "\n".join(draw_line(shown, width, 6))
        chart = Text.assemble((head + "\n", self.palette.muted), (lines, self.palette.accent), no_wrap=True, end="")
        self.query_one("#line", Static).update(chart)


def _money(cents: float | None) -> str:
    return "–" if cents is None else dollars(cents)

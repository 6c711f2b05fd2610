"""The prompt: colors, history and completion in a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style

from nanodesk.cli.lob_shell.completion import suggest
from nanodesk.cli.lob_shell.execute import Session, answer
from nanodesk.cli.lob_shell.render import Fragments, dollars

GREETING = "A limit order book. Type help, or: buy 100.50 100"

_STYLE = Style.from_dict(
    {
        "prompt": "bold",
        "bid": "ansigreen",
        "ask": "ansired",
        "dim": "ansibrightblack",
        "bold": "bold",
        "spread": "ansicyan",
        "notice": "ansiyellow",
        "error": "ansiyellow bold",
        "bottom-toolbar": "noreverse ansibrightblack",
        "completion-menu.completion": "bg:ansibrightblack ansiwhite",
        "completion-menu.completion.current": "bg:ansicyan ansiblack",
        "completion-menu.meta.completion": "bg:ansibrightblack ansiwhite",
        "completion-menu.meta.completion.current": "bg:ansicyan ansiblack",
        "auto-suggestion": "ansibrightblack",
    }
)


class _WordCompleter(Completer):
    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterator[Completion]:
        """Suggestions of ``completion.suggest``."""
        for found in suggest(document.text_before_cursor, self._session):
            yield Completion(found.word, -len(found.typed), display_meta=found.meaning)


def run_prompt(session: Session) -> None:
    """Read and answer lines in a terminal until quit or end of input.

    Parameters
    ----------
    session : Session
        The book.
    """
    depth = ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None
    prompt: PromptSession[str] = PromptSession(
        [("class:prompt", "lob> ")],
        completer=_WordCompleter(session),
        complete_while_typing=False,
        complete_style=CompleteStyle.COLUMN,
        auto_suggest=AutoSuggestFromHistory(),
        history=_history(),
        style=_STYLE,
        bottom_toolbar=lambda: _toolbar(session),
        color_depth=depth,
    )

    def show(text: Fragments) -> None:
        styled = FormattedText([(f"class:{style}" if style else "", part) for style, part in text])
        print_formatted_text(styled, style=_STYLE, end="", color_depth=depth)

    show([("dim", GREETING + "\n")])
    while not session.is_over:
        try:
            line = prompt.prompt()
        except KeyboardInterrupt:
            show([("dim", "Type quit to leave.\n")])
            continue
        except EOFError:
            break
        show(answer(session, line))
    show([("", "Goodbye!\n")])


def _history() -> History:
    """Lines of earlier sessions, or of this one only where no file can be kept."""
    root = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    path = root / "nanodesk" / "lob_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _toolbar(session: Session) -> FormattedText:
    """The touch, under the line that is typed."""
    exchange = session.exchange
    snapshot = exchange.depth(1)
    parts: list[tuple[str, str]] = []
    for name, style, levels in (("bid", "class:bid", snapshot.bids), ("ask", "class:ask", snapshot.asks)):
        text = f"{dollars(levels[0].price)} x {levels[0].quantity:,}" if levels else "none"
        parts += [("", f" {name} "), (style if levels else "", text), ("", "  ")]
    last = exchange.last_trade_price()
    parts.append(("", "" if last is None else f" last {dollars(last)}  "))
    parts.append(("", "" if exchange.phase == "continuous" else f" {exchange.phase.upper()}"))
    return FormattedText(parts)

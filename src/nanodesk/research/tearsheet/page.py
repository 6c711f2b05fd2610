"""The whole page: its sections, its style and its script in one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from nanodesk.research.tearsheet.factor_sections import factor_section, screen_section
from nanodesk.research.tearsheet.markup import element, escape
from nanodesk.research.tearsheet.overview_sections import (
    headline_section,
    manifest_section,
    metric_section,
    page_header,
)
from nanodesk.research.tearsheet.portfolio_sections import attribution_section, portfolio_section, trading_section
from nanodesk.research.tearsheet.return_sections import calendar_section, growth_section, risk_section

_SECTIONS = (
    ("summary", "Summary", headline_section),
    ("performance", "Performance", growth_section),
    ("calendar", "Calendar", calendar_section),
    ("risk", "Risk", risk_section),
    ("portfolio", "Portfolio", portfolio_section),
    ("attribution", "Attribution", attribution_section),
    ("trading", "Trading", trading_section),
    ("screen", "Screen", screen_section),
    ("factors", "Factors", factor_section),
    ("metrics", "Metrics", metric_section),
    ("run", "Run", manifest_section),
)


def render(numbers: Mapping[str, Any]) -> str:
    """The tear sheet of a run.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them, or as read back from the JSON file.

    Returns
    -------
    html : str
        A complete document. The same numbers give the same bytes. A content security policy lets nothing load and
        nothing run but the style and the script inside.
    """
    style, script = _asset("style.css"), _asset("script.js")
    parts = [(anchor, label, draw(numbers)) for anchor, label, draw in _SECTIONS]
    links = (element("a", label, href=f"#{anchor}") for anchor, label, markup in parts if markup)
    nav = element("nav", element("div", links, class_="wrap"), aria_label="Sections")
    main = element("main", (markup for *_, markup in parts), class_="wrap")
    facts = numbers["strategy"]
    footer = element(
        "footer",
        f"nanodesk {escape(facts['code_version'])} · run {escape(facts['run_id'])} · snapshot "
        f"{escape(facts['snapshot_id'])}. A backtest is not a promise.",
        class_="wrap",
    )
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        # An empty icon: without one a browser asks the server for /favicon.ico.
        '<link rel="icon" href="data:,">'
        f"<title>{escape(facts['name'])} · tear sheet</title><style>{style}</style>"
    )
    body = page_header(numbers) + nav + main + footer + f"<script>{script}</script>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _asset(name: str) -> str:
    return files("nanodesk.research.tearsheet").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"

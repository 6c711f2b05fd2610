"""HTML as text: escaping, elements, tables, figures and sections."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence

Attribute = str | int | float | bool | None


def escape(text: object) -> str:
    """Text that is safe between tags and inside quoted attributes.

    Parameters
    ----------
    text : object
        Anything; its ``str`` is taken.

    Returns
    -------
    text : str
        With ``& < > " '`` as entities.

    Examples
    --------
    >>> escape("<script>")
    '&lt;script&gt;'
    """
    return html.escape(str(text), quote=True)


def element(tag: str, content: str | Iterable[str] = "", **attributes: Attribute) -> str:
    """One element; attribute values are escaped, the content is markup already.

    Parameters
    ----------
    tag : str
        Element name.
    content : str or iterable of str, optional
        Inner markup.
    **attributes : str, int, float, bool or None
        Attributes: ``class_`` becomes ``class``, an inner ``_`` becomes ``-``, ``True`` writes the name alone and
        ``None`` or ``False`` leaves it out.

    Returns
    -------
    markup : str
        The element.

    Examples
    --------
    >>> element("td", "7", class_="n", data_unit="a&b")
    '<td class="n" data-unit="a&amp;b">7</td>'
    """
    inner = content if isinstance(content, str) else "".join(content)
    return f"<{tag}{_attributes(attributes)}>{inner}</{tag}>"


def data_island(value: object) -> str:
    """Values for the script of the page, as a block that no browser executes.

    Parameters
    ----------
    value : object
        JSON-able.

    Returns
    -------
    markup : str
        A ``script`` element of type ``application/json`` in which no tag can begin.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json">{text}</script>'


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str,
    text_columns: Sequence[int] = (0,),
    class_: str = "",
    minor_columns: Sequence[int] = (),
) -> str:
    """A table with scoped headers; the first cell of each row is its header.

    Parameters
    ----------
    head : sequence of str
        Column headers, as markup.
    rows : iterable of sequence of str
        Cells, as markup.
    caption : str
        What the table shows, as plain text; for screen readers.
    text_columns : sequence of int, default (0,)
        Columns set flush left; the others are numbers, flush right.
    class_ : str, optional
        Class of the table.
    minor_columns : sequence of int, optional
        Columns that give way on a narrow screen.

    Returns
    -------
    markup : str
        The table inside a box that scrolls sideways on a narrow screen.
    """
    classes = [
        " ".join(name for name, given in (("n", i not in text_columns), ("minor", i in minor_columns)) if given) or None
        for i in range(len(head))
    ]
    names = (element("th", cell, scope="col", class_=of) for cell, of in zip(head, classes, strict=True))
    body = (
        element(
            "tr",
            (
                element("th" if i == 0 else "td", cell, scope="row" if i == 0 else None, class_=of)
                for i, (cell, of) in enumerate(zip(row, classes, strict=True))
            ),
        )
        for row in rows
    )
    title = element("caption", escape(caption), class_="sr")
    parts = title + element("thead", element("tr", names)) + element("tbody", body)
    return scrolling(element("table", parts, class_=class_ or None), caption)


def scrolling(markup: str, label: str) -> str:
    """A box that scrolls sideways, also by keyboard, where its content is wider than the screen.

    Parameters
    ----------
    markup : str
        Content.
    label : str
        What it shows, as plain text.

    Returns
    -------
    markup : str
        The box.
    """
    return element("div", markup, class_="scroll", tabindex=0, role="group", aria_label=label)


def figure(title: str, body: str, *, note: str = "", class_: str = "", chart: str | None = None) -> str:
    """A captioned figure.

    Parameters
    ----------
    title : str
        Heading, plain text.
    body : str
        Markup below the heading.
    note : str, optional
        One line under the heading that says what is drawn, plain text.
    class_ : str, optional
        Further classes.
    chart : str, optional
        Name of a chart that the script of the page animates.

    Returns
    -------
    markup : str
        The figure.
    """
    small = element("span", escape(note), class_="note") if note else ""
    caption = element("figcaption", element("span", escape(title), class_="title") + small)
    return element("figure", caption + body, class_=f"card {class_}".strip(), data_chart=chart)


def section(anchor: str, title: str, body: str | Iterable[str], *, lead: str = "") -> str:
    """A part of the page with its heading.

    Parameters
    ----------
    anchor : str
        Fragment name.
    title : str
        Heading, plain text.
    body : str or iterable of str
        Markup.
    lead : str, optional
        One sentence under the heading, plain text.

    Returns
    -------
    markup : str
        The section.
    """
    inner = body if isinstance(body, str) else "".join(body)
    intro = element("p", escape(lead), class_="lead") if lead else ""
    heading = element("h2", escape(title), id=f"h-{anchor}")
    return element("section", heading + intro + inner, id=anchor, aria_labelledby=f"h-{anchor}")


def _attributes(attributes: dict[str, Attribute]) -> str:
    parts = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        name = key.rstrip("_").replace("_", "-")
        parts.append(f" {name}" if value is True else f' {name}="{escape(value)}"')
    return "".join(parts)

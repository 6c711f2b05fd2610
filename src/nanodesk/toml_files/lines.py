"""Where each key of a TOML document stands: ``tomllib`` reads values and forgets their lines.

`places` reads documents that ``tomllib`` accepts. `nested_deeper` reads any text in linear time, so that the limit
on nesting can be checked before the recursive parser sees the text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

KeyPath = tuple[str | int, ...]

# Every string alternative also ends at the end of the text, so none of them ever fails after a long scan.
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>\"{3}(?:\\.?|[^\\])*?(?:\"{3,5}(?!\")|\Z) | '{3}.*?(?:'{3,5}(?!')|\Z)
                 | \"(?:\\.?|[^\"\\\n])*(?:\"|(?=\n)|\Z) | '[^'\n]*(?:'|(?=\n)|\Z))
      | (?P<mark>[\[\]{},=.])
      | (?P<bare>[^\s\[\]{},=.\#"']+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key or array element stands.

    Parameters
    ----------
    line : int
        Line, from 1.
    text : str
        The value as written; empty for tables.
    """

    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int
    start: int
    stop: int


def places(text: str) -> dict[KeyPath, Place]:
    """The place of every key, table and array element of a TOML document.

    Parameters
    ----------
    text : str
        A document that ``tomllib.loads`` accepts.

    Returns
    -------
    places : dict of tuple to Place
        Keyed by path; elements of arrays, and tables of arrays of tables, by their index.

    Examples
    --------
    >>> found = places('[a]\\nb.c = 1\\n[[d]]\\nx = -3e8\\n')
    >>> found["a", "b", "c"]
    Place(line=2, text='1')
    >>> found["d", 0, "x"]
    Place(line=4, text='-3e8')
    """
    scanner = _Scanner(text, _tokens(text))
    scanner.document()
    return scanner.found


def nearest(found: Mapping[KeyPath, Place], path: KeyPath) -> Place:
    """The place of a path, or of its nearest parent that has one.

    Parameters
    ----------
    found : mapping of tuple to Place
        From `places`.
    path : tuple of str or int
        Keys and indices from the top.

    Returns
    -------
    place : Place
        Line 1 if no parent is known; ``text`` is empty unless the path itself was found.
    """
    if path in found:
        return found[path]
    for length in range(len(path) - 1, 0, -1):
        if path[:length] in found:
            return Place(found[path[:length]].line)
    return Place(1)


def nested_deeper(text: str, levels: int) -> int:
    """Where brackets and dotted keys go deeper than they may, found without parsing.

    Parameters
    ----------
    text : str
        Any text.
    levels : int
        How deep they may go.

    Returns
    -------
    line : int
        The first line that goes deeper; 0 if none does.
    """
    depth, dots, line = 0, 0, 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "mark":
            mark = match.group()
            if mark in "[{":
                depth += 1
            elif mark in "]}":
                depth = max(0, depth - 1)
            else:
                dots = dots + 1 if mark == "." else 0
            if depth + dots > levels:
                return line
        elif kind == "newline":
            line, dots = line + 1, 0
        elif kind == "string":
            line += match.group().count("\n")
    return 0


def _tokens(text: str) -> list[_Token]:
    tokens, line = [], 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind != "space":
            tokens.append(_Token(kind, match.group(), line, match.start(), match.end()))
        line += match.group().count("\n")
    tokens.append(_Token("end", "", line, len(text), len(text)))
    return tokens


@dataclass
class _Scanner:
    text: str
    tokens: list[_Token]
    found: dict[KeyPath, Place] = field(default_factory=dict)
    lengths: dict[KeyPath, int] = field(default_factory=dict)  # of arrays of tables
    at: int = 0

    def document(self) -> None:
        prefix: KeyPath = ()
        while (token := self.tokens[self.at]).kind != "end":
            if token.text == "[" and token.kind == "mark":
                prefix = self.header()
            elif token.kind in ("bare", "string"):
                self.pair(prefix)
            else:
                self.at += 1

    def header(self) -> KeyPath:
        self.at += 1
        of_array = self.tokens[self.at].text == "["
        self.at += of_array
        line = self.tokens[self.at].line
        path: KeyPath = ()
        keys = self.keys()
        for i, key in enumerate(keys):
            path += (key,)
            self.found.setdefault(path, Place(line))
            if of_array and i == len(keys) - 1:
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path += (self.lengths[path] - 1,)
        self.found[path] = Place(line)
        self.at += 1 + of_array
        return path

    def keys(self) -> list[str]:
        keys = []
        while (token := self.tokens[self.at]).kind in ("bare", "string"):
            keys.append(_key(token))
            self.at += 1
            if self.tokens[self.at].text == ".":
                self.at += 1
        return keys

    def pair(self, prefix: KeyPath) -> None:
        line = self.tokens[self.at].line
        path = prefix
        for key in self.keys():
            path += (key,)
            self.found.setdefault(path, Place(line))
        self.at += 1  # the equals sign
        self.value(path, line)

    def value(self, path: KeyPath, line: int) -> None:
        first = self.tokens[self.at]
        if first.text == "[" and first.kind == "mark":
            self.array(path)
        elif first.text == "{" and first.kind == "mark":
            self.inline_table(path)
        else:
            while (token := self.tokens[self.at]).kind not in ("newline", "end") and token.text not in (",", "]", "}"):
                self.at += 1
        self.found[path] = Place(line, self.text[first.start : self.tokens[self.at - 1].stop])

    def array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while (token := self.tokens[self.at]).text != "]" and token.kind != "end":
            if token.kind == "newline" or token.text == ",":
                self.at += 1
                continue
            self.value((*path, index), token.line)
            index += 1
        self.at += token.kind != "end"

    def inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while (token := self.tokens[self.at]).text != "}" and token.kind != "end":
            if token.kind in ("bare", "string"):
                self.pair(path)
            else:
                self.at += 1
        self.at += token.kind != "end"


def _key(token: _Token) -> str:
    if token.kind == "bare":
        return token.text
    return str(tomllib.loads(f"key = {token.text}")["key"])

"""Random TOML documents, written by a printer that counts its own lines."""

import json
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.toml_files.lines import nearest, nested_deeper, places

KEYS = st.one_of(
    st.sampled_from(["a", "b", "min", "kind", "x-1", "3", "long_name"]),
    st.sampled_from(["q.r", "with space", "#", "]", 'say "hi"', "é", "", "{", "=", "line\nbreak"]),
)
SCALARS = st.sampled_from(
    [
        "1", "-3e8", "0.25", "1_000", "true", "inf", "1979-05-27", "1979-05-27 07:32:00", "07:32:00",
        '"text"', '"a # b"', '"]"', '"\\"}"', "'lit]eral'", "''", '""', '"""one"""', "'''l'it'''",
        '"""two\nlines]\n"""', "'''\n[not.a.table]\nx = 1\n'''", '"""quotes "" inside"""', '"""ends with two"""""',
        '"""\\\n  folded"""', "''''quoted'''",
    ]
)  # fmt: skip
COMMENTS = st.sampled_from(["", "  # note", " # [x] = {", "#\t'"])


def shown(key: str) -> str:
    return key if key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key) else json.dumps(key)


class Printer:
    """Writes values at random and notes the line of every key."""

    def __init__(self, draw):
        self.draw = draw
        self.text = ""
        self.lines = {}

    @property
    def line(self):
        return self.text.count("\n") + 1

    def value(self, path, depth, inline=False):
        kind = self.draw(st.sampled_from(["scalar", "scalar", "scalar", "array", "inline"])) if depth < 3 else "scalar"
        if kind == "array":
            self.array(path, depth, inline)
        elif kind == "inline":
            self.inline(path, depth)
        else:
            scalars = SCALARS.filter(lambda text: "\n" not in text) if inline else SCALARS
            self.text += self.draw(scalars)

    def array(self, path, depth, inline):
        self.text += "["
        for i in range(self.draw(st.integers(0, 3))):
            if not inline:
                self.text += self.draw(st.sampled_from(["", "\n", " # c\n  ", "\n\n"]))
            self.lines[*path, i] = self.line
            self.value((*path, i), depth + 1, inline)
            self.text += "," + self.draw(st.sampled_from(["", " "]))
        self.text += "]"

    def inline(self, path, depth):
        self.text += "{"
        for i, key in enumerate(self.draw(st.lists(KEYS, max_size=3, unique=True))):
            self.text += ", " if i else " "
            self.lines[*path, key] = self.line
            self.text += f"{shown(key)} = "
            self.value((*path, key), depth + 1, inline=True)
        self.text += " }"

    def pairs(self, path, taken):
        for key in self.draw(st.lists(KEYS, max_size=4, unique=True)):
            if key in taken:
                continue
            taken.add(key)
            tail = self.draw(st.lists(KEYS, max_size=2))
            self.text += self.draw(st.sampled_from(["", "\n", "  "]))
            for n in range(len(tail) + 1):
                self.lines[(*path, key, *tail[:n])] = self.line
            self.text += self.draw(st.sampled_from([".", " . "])).join(shown(part) for part in [key, *tail])
            self.text += self.draw(st.sampled_from([" = ", "=", "\t=\t"]))
            self.value((*path, key, *tail), 0)
            self.text += self.draw(COMMENTS) + self.draw(st.sampled_from(["\n", "\r\n"]))


@st.composite
def documents(draw):
    printer = Printer(draw)
    taken = set()
    printer.pairs((), taken)
    for key in draw(st.lists(KEYS, max_size=3, unique=True)):
        if key in taken:
            continue
        for index in range(draw(st.integers(0, 3))):  # 0: a plain table
            path = (key, index)
            printer.lines.setdefault((key,), printer.line)
            printer.lines[path] = printer.line
            printer.text += f"[[{shown(key)}]]{draw(COMMENTS)}\n"
            inner = set()
            printer.pairs(path, inner)
            sub = draw(KEYS)
            if sub not in inner:
                printer.lines[*path, sub] = printer.line
                printer.text += f"[ {shown(key)} . {shown(sub)} ]\n"
                printer.pairs((*path, sub), set())
        if (key,) not in printer.lines:
            printer.lines[key,] = printer.line
            printer.text += f"[{shown(key)}]\n"
            printer.pairs((key,), set())
    return printer.text, printer.lines


def leaves(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, (*path, key))


@given(documents())
@settings(max_examples=300, deadline=None)
def test_every_key_has_its_line(document):
    text, lines = document
    values = tomllib.loads(text)
    found = places(text)
    assert {path: place.line for path, place in found.items()} == lines
    assert set(leaves(values)) - {()} == set(found)


@given(documents())
@settings(max_examples=100, deadline=None)
def test_the_text_of_a_value_reads_as_the_value(document):
    text, _ = document
    values = tomllib.loads(text)
    for path, place in places(text).items():
        if place.text:
            value = values
            for part in path:
                value = value[part]
            assert str(tomllib.loads(f"x = {place.text}")["x"]) == str(value)


@given(documents(), st.lists(KEYS | st.integers(0, 3), max_size=4))
@settings(max_examples=100, deadline=None)
def test_an_unknown_key_gets_the_line_of_a_parent(document, tail):
    text, lines = document
    found = places(text)
    for path in list(lines)[:3]:
        missing = (*path, *tail, "no such key")
        assert nearest(found, missing).line in lines.values()


@given(st.text(alphabet="[]{}\"'=.#\\\n ab1,", max_size=200))
@settings(max_examples=300, deadline=None)
def test_depth_is_measured_on_any_text(text):
    assert 0 <= nested_deeper(text, 3) <= text.count("\n") + 1

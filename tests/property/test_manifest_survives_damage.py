"""Whatever is done to a manifest, it is read or refused with places; nothing else comes out."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

import nanodesk.cli.demo
from nanodesk.errors import ConfigError
from nanodesk.research.manifest import canonical, parse_manifest

TEXT = nanodesk.cli.demo.MANIFEST.read_text(encoding="utf-8")
LINES = TEXT.splitlines(keepends=True)
JUNK = st.sampled_from(
    [
        "[",
        "]",
        "=",
        '"',
        "'''",
        "{",
        "}",
        "-",
        "nan",
        "inf",
        "1e999",
        "9" * 40,
        "true",
        "\x00",
        "é",
        ".",
        ",",
        "[[a]]\n",
        "#",
    ]
)


def read(text):
    try:
        manifest = parse_manifest(text, name="m.toml")
    except ConfigError as error:
        assert error.problems
        assert all(re.match(r"m\.toml:\d+", line) for line in error.problems), error.problems
    else:
        assert parse_manifest(canonical(manifest)) == manifest


@given(st.integers(0, len(TEXT)), st.integers(0, 12), JUNK)
@settings(max_examples=150, deadline=None)
def test_characters(at, length, junk):
    read(TEXT[:at] + junk + TEXT[at + length :])


@given(st.lists(st.integers(0, len(LINES) - 1), min_size=1, max_size=6), st.permutations(range(6)))
@settings(max_examples=100, deadline=None)
def test_lines(gone, order):
    kept = [line for i, line in enumerate(LINES) if i not in gone]
    moved = [LINES[i] for i in gone]
    read("".join(kept))
    read("".join([*kept, *(moved[i] for i in order if i < len(moved))]))


@given(
    st.integers(0, len(LINES) - 1),
    st.sampled_from(["-1", "nan", '"x"', "[]", "{}", "[{}]", "true", "1979-05-27", "1e400"]),
)
@settings(max_examples=150, deadline=None)
def test_values(at, value):
    lines = list(LINES)
    if "=" in lines[at] and not lines[at].startswith("#"):
        lines[at] = f"{lines[at].split('=')[0]}= {value}\n"
    read("".join(lines))

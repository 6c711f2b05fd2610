"""Lines of keys in TOML documents."""

import pytest

from nanodesk.toml_files.lines import Place, nearest, nested_deeper, places

TEXT = '''a = 1 # x
"q.r".b = """x
]
"""
[t]
arr = [1,
 2, # c
 {x = "},", y = [3]},
]
[[s]]
k = 1979-05-27 07:32:00
[s.sub]
z.w = 3.14
[[s]]
[[s.sub]]
z = 'a'
'''


class TestPlaces:
    def test_lines(self):
        found = {path: place.line for path, place in places(TEXT).items()}
        assert found["a",] == 1
        assert found["q.r", "b"] == 2
        assert found["t", "arr", 0] == 6
        assert found["t", "arr", 2, "y", 0] == 8
        assert found["s", 0, "sub", "z", "w"] == 13
        assert found["s", 1, "sub", 0, "z"] == 16

    def test_text_as_written(self):
        assert places(TEXT)["s", 0, "k"].text == "1979-05-27 07:32:00"
        assert places("x = -3e8\n")["x",] == Place(1, "-3e8")


class TestNearest:
    def test_falls_back_to_the_parent(self):
        found = places(TEXT)
        assert nearest(found, ("s", 0, "sub", "gone")) == Place(12)
        assert nearest(found, ("gone", "x")) == Place(1)


class TestNestedDeeper:
    @pytest.mark.parametrize(
        ("text", "levels", "line"),
        [
            ("a = [[1]]\n", 1, 1),
            ("a = [[1]]\n", 2, 0),
            ("\na.b.c = 1\n", 1, 2),
            ("\na.b.c = 1\nd.e = [2]\n", 2, 0),
            ("a = [1,\n{b.c = 1}]\n", 2, 2),
            ('a = """\n[[[["""\n# [[[\n', 0, 0),
            ('a = """\n"""\nb = [1]', 0, 3),
        ],
    )
    def test_first_line_past_the_limit(self, text, levels, line):
        assert nested_deeper(text, levels) == line

    def test_hostile_text_takes_linear_time(self):
        # Quadratic time would take minutes here.
        for hostile in ('"""\\' * 60_000, "'''" * 80_001, '"' * 200_001, "[" * 200_000, '"\\' * 100_000):
            assert nested_deeper(hostile, 10**6) == 0

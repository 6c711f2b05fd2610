"""Lines of keys in TOML documents."""

from nanodesk.toml_files.lines import Place, deepest_nesting, nearest, places

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


class TestDeepestNesting:
    def test_brackets_and_dots(self):
        assert deepest_nesting("a = [[1]]\n") == Place(1, "2")
        assert deepest_nesting("\na.b.c = 1\n") == Place(2, "2")
        assert deepest_nesting('a = "[[[["\n# [[[\n').text == "0"

    def test_hostile_text_takes_linear_time(self):
        # Quadratic time would take minutes here.
        for hostile in ('"""\\' * 60_000, "'''" * 80_001, '"' * 200_001, "[" * 200_000, '"\\' * 100_000):
            assert deepest_nesting(hostile).line == 1

"""The public face: what it names exists, is documented, and costs nothing to import."""

import json
import subprocess
import sys

import nanodesk

HEAVY = {"pandas", "polars", "talib", "arch", "dask", "distributed", "sklearn", "scipy", "clarabel"}


class TestFace:
    def test_every_name_resolves_and_is_documented(self):
        for name in nanodesk.__all__:
            value = getattr(nanodesk, name)
            assert not callable(value) or value.__doc__, name

    def test_dir_shows_exactly_the_public_names(self):
        assert sorted(nanodesk.__all__) == [name for name in dir(nanodesk) if not name.startswith("_")]

    def test_names_are_sorted_and_unique(self):
        assert list(nanodesk.__all__) == sorted(set(nanodesk.__all__))

    def test_unknown_name_is_an_attribute_error(self):
        try:
            nanodesk.no_such_name  # noqa: B018
        except AttributeError as error:
            assert "no_such_name" in str(error)
        else:
            raise AssertionError

    def test_importing_it_loads_nothing_heavy(self):
        program = "import nanodesk, sys, json; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
        finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert HEAVY & set(json.loads(finished.stdout)) == set()

    def test_what_it_logs_is_silent_until_the_program_asks(self):
        program = "import nanodesk, logging; logging.getLogger('nanodesk.oms.order_engine').error('submit_raised')"
        finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert finished.stderr == ""

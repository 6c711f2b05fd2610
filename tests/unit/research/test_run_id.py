"""What identifies a run."""

import re

from nanodesk import __version__
from nanodesk.research.run_id import code_version, run_id


class TestRunId:
    def test_every_part_counts(self):
        parts = {"code": "1", "snapshot": "2", "seed": 3}
        first = run_id("a", **parts)
        assert re.fullmatch("[0-9a-f]{16}", first)
        others = [run_id("b", **parts), *(run_id("a", **parts | {key: 9}) for key in parts)]
        assert len({first, *others}) == 5


class TestCodeVersion:
    def test_package_version_and_hash(self):
        assert re.fullmatch(re.escape(__version__) + r"\+[0-9a-f]{12}", code_version())

"""Print every file of the package that is installed as it is, one a line, relative to ``src``."""

from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"
SKIPPED = {".so", ".c", ".pyc"}

for path in sorted((SRC / "nanodesk").rglob("*")):
    if path.is_file() and "__pycache__" not in path.parts and path.suffix not in SKIPPED:
        print(path.relative_to(SRC).as_posix())

"""Print every kernel, one a line, as ``folder stem``, relative to ``src``: each is compiled to an extension module."""

from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"

for path in sorted((SRC / "nanodesk").rglob("kernels/*.py")):
    if path.stem != "__init__":
        print(path.parent.relative_to(SRC).as_posix(), path.stem)

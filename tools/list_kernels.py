"""Print every compiled module, one a line, as ``folder stem``, relative to ``src``: each becomes an extension module.

The kernels are found by their folder; the other compiled modules, the engine classes that a caller touches once an
order, are named by the callers of this tool (``src/meson.build``) as arguments: ``package/module`` without the suffix.
"""

import sys
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"

for path in sorted((SRC / "nanodesk").rglob("kernels/*.py")):
    if path.stem != "__init__":
        print(path.parent.relative_to(SRC).as_posix(), path.stem)
for module in sys.argv[1:]:
    folder, _, stem = module.rpartition("/")
    if not (SRC / folder / f"{stem}.py").is_file():
        sys.exit(f"{module} names no source file")
    print(folder, stem)

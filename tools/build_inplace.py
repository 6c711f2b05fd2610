"""Compile the kernels and lay the extension modules beside their sources, for work on a checkout.

Usage: python tools/build_inplace.py [--checked]; afterwards ``PYTHONPATH=src`` is enough.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def place_beside(module: Path, folder: Path) -> None:
    """By renaming: a running process keeps the file it has mapped."""
    temporary = folder / f".{module.name}"
    shutil.copy2(module, temporary)
    temporary.replace(folder / module.name)


def main() -> None:
    checked = "--checked" in sys.argv[1:]
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    build = ROOT / "build" / ("inplace-checked" if checked else "inplace")
    setup = [sys.executable, "-m", "mesonbuild.mesonmain", "setup", f"-Dchecked={str(checked).lower()}"]
    again = ["--reconfigure"] if (build / "build.ninja").exists() else []
    subprocess.run([*setup, *again, str(build), str(ROOT)], check=True, env=environment)
    subprocess.run(["ninja", "-C", str(build)], check=True, env=environment)
    modules = {path.name.split(".")[0]: path for path in (build / "src").glob("*.so")}
    for line in (build / "src" / "modules.txt").read_text(encoding="utf-8").splitlines():
        folder, stem = line.split()
        place_beside(modules[stem], ROOT / "src" / folder)


if __name__ == "__main__":
    main()

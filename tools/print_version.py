#!/usr/bin/env python3
"""Print the package's version, for the build."""

import runpy
from pathlib import Path

print(runpy.run_path(str(Path(__file__).resolve().parent.parent / "src" / "nanodesk" / "version.py"))["__version__"])

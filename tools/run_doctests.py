"""Run the examples of every public docstring against the installed package.

Usage: python tools/run_doctests.py; prints every failure and exits 1 if there is one.
"""

import doctest
import importlib
import pkgutil
import sys

import nanodesk


def main() -> int:
    attempted = failed = 0
    for info in pkgutil.walk_packages(nanodesk.__path__, "nanodesk."):
        if ".kernels." in info.name or info.name.endswith("__main__"):
            continue
        options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        result = doctest.testmod(importlib.import_module(info.name), optionflags=options)
        attempted += result.attempted
        failed += result.failed
    print(f"{attempted} examples in docstrings, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

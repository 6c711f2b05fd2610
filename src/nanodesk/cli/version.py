"""``nanodesk version``."""

from __future__ import annotations

import sys

from nanodesk.cli.options import AsJson
from nanodesk.cli.output import print_json
from nanodesk.version import __version__


def version(as_json: AsJson = False) -> None:
    """Print the version of the package.

    Example: nanodesk version
    """
    if as_json:
        print_json({"nanodesk": __version__})
    else:
        sys.stdout.write(f"{__version__}\n")

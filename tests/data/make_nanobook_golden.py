"""Ask the published nanobook 0.9.3 wheel every question of tests/reference/nanobook_cases.py; print its answers.

    "$NANODESK_NANOBOOK_PYTHON" tests/data/make_nanobook_golden.py > tests/data/nanobook_0_9_3.json

where the variable names an interpreter with ``pip install nanobook==0.9.3``. With ``--seed N --scale K`` only the
random questions are asked, others than the stored ones and K times as many.
"""

import argparse
import json
import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import nanobook

from reference import nanobook_cases as cases

COMMAND = '"$NANODESK_NANOBOOK_PYTHON" tests/data/make_nanobook_golden.py > tests/data/nanobook_0_9_3.json'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--scale", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.seed is not None:
        json.dump(cases.random_answers(nanobook, seed=chosen.seed, scale=chosen.scale), sys.stdout)
        return
    answers = {
        "schema": 1,
        "origin": {
            "package": f"nanobook {metadata.version('nanobook')}, wheel from PyPI, called as a black box",
            "python": sys.version.split()[0],
            "command": COMMAND,
        },
        "names": cases.names(nanobook),
        "members": cases.members(nanobook),
        "signatures": cases.signatures(nanobook, [name for name in cases.names(nanobook) if name not in cases.LATER]),
        "fixed": cases.fixed_answers(nanobook),
        "errors": cases.errors(nanobook),
        "deliberate": cases.deliberate(nanobook),
        "random": cases.random_answers(nanobook),
    }
    sys.stdout.write(json.dumps(answers, separators=(",", ":")).replace("],[[", "],\n[[") + "\n")


if __name__ == "__main__":
    main()

"""Run seeded simulations of order management: ``python tools/simulate_orders.py --seeds 100_000 --processes 2``.

``--soak 24`` trades for that many hours of the virtual clock instead, with faults on, and watches the memory. One seed
alone, as ``python tools/simulate_orders.py 17``, prints its options and its first error.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from simulation import run, soak

if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["--soak"]:
        sys.exit(soak.main(["--hours", *words[1:]]))
    sys.exit(run.main(words))

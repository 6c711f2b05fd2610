from typing import Any

import numpy as np
from numpy.typing import NDArray

DONE: int
NOT_A_ROW: int
NOT_A_PAIR: int
UNKNOWN: int
TWICE: int
INTEGERS: int
FLOATS: int
MIXED: int

def fill(
    rows: list[Any],
    start: int,
    index: dict[str, int],
    out: NDArray[np.float64],
    columns: NDArray[np.int64],
    seen: NDArray[np.int64],
    kinds: int,
) -> tuple[int, int, int, int]: ...

import numpy as np
from numpy.typing import NDArray

def weighted_sums(
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    rows: NDArray[np.int64],
    window: int,
    running: NDArray[np.float64],
    out: NDArray[np.float64],
) -> int: ...
def maxima(
    values: NDArray[np.float64],
    rows: NDArray[np.int64],
    window: int,
    lowest: float,
    running: NDArray[np.float64],
    out: NDArray[np.float64],
) -> int: ...
def exact_moments(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    window: int,
    out: NDArray[np.float64],
) -> int: ...

import numpy as np
from numpy.typing import NDArray

def average_ties(values: NDArray[np.float64], order: NDArray[np.int64], ranks: NDArray[np.float64]) -> int: ...

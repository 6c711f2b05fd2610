import numpy as np
from numpy.typing import NDArray

def build(names: list[str], values: NDArray[np.float64], shown: NDArray[np.uint8]) -> list[list[tuple[str, float]]]: ...

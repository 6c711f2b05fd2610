"""Arrays by what they hold, for annotations; the shape stands in the docstring."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Dates = NDArray[np.datetime64]

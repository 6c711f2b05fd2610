"""The target file: weights that a portfolio should hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nanodesk.atomic_file import write_text
from nanodesk.errors import WeightsError

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Target:
    """Weights wanted at an instant.

    Parameters
    ----------
    timestamp : str
        RFC 3339 instant of the decision, in UTC.
    weights : mapping of str to float
        Signed fraction of equity by symbol; never zero, ``abs(weight) <= 1``.
    constraints : mapping of str to float, optional
        Limits that travel with the target: ``max_position_pct`` (fraction), ``max_leverage``, ``min_trade_usd``.
    run_id : str, optional
        The run that decided the weights.

    Raises
    ------
    WeightsError
        If there is no weight, or one is zero, not finite or beyond 1, or longs add to more than 1.
    """

    timestamp: str
    weights: Mapping[str, float]
    constraints: Mapping[str, float] = field(default_factory=dict)
    run_id: str | None = None

    def __post_init__(self) -> None:
        if not self.weights:
            raise WeightsError("targets is empty.", field="targets", value=[], allowed="at least one symbol")
        for symbol, weight in self.weights.items():
            if not symbol or not math.isfinite(weight) or weight == 0 or abs(weight) > 1:
                raise WeightsError(
                    f"targets[{symbol!r}].weight={weight} must be finite, not zero and within [-1, 1].",
                    field="weight",
                    value=weight,
                    allowed="[-1, 1] without 0",
                )
        long = sum(weight for weight in self.weights.values() if weight > 0)
        if long > 1 + 1e-9:
            raise WeightsError(
                f"long weights add to {long:.6f}, more than 1.", field="targets", value=long, allowed="<= 1"
            )

    def to_json(self) -> str:
        """The file's text: keys in fixed order, symbols sorted.

        Returns
        -------
        text : str
            JSON with a final newline.
        """
        document: dict[str, object] = {
            "schema": SCHEMA,
            "timestamp": self.timestamp,
            "targets": [{"symbol": symbol, "weight": weight} for symbol, weight in sorted(self.weights.items())],
        }
        if self.constraints:
            document["constraints"] = dict(sorted(self.constraints.items()))
        if self.run_id is not None:
            document["metadata"] = {"id": self.run_id}
        return json.dumps(document, indent=2) + "\n"

    def write(self, path: Path) -> None:
        """Replace the file at ``path`` in one step.

        Parameters
        ----------
        path : Path
            Destination; its folder must exist.
        """
        write_text(path, self.to_json())

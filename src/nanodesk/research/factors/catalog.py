"""The factors a manifest can name, spelled out one by one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nanodesk.errors import ValidationError
from nanodesk.research.factors.base import Factor
from nanodesk.research.factors.low_volatility import BETA_252, DOWNSIDE_63, IVOL_252, VOL_63
from nanodesk.research.factors.macro import VIX_BETA
from nanodesk.research.factors.momentum import HIGH_52W, MOM_6_1, MOM_12_1, RESID_MOM, REV_1M

FACTORS: Final[Mapping[str, Factor]] = MappingProxyType(
    {
        "mom_12_1": MOM_12_1,
        "mom_6_1": MOM_6_1,
        "rev_1m": REV_1M,
        "high_52w": HIGH_52W,
        "resid_mom": RESID_MOM,
        "vol_63": VOL_63,
        "downside_63": DOWNSIDE_63,
        "beta_252": BETA_252,
        "ivol_252": IVOL_252,
        "vix_beta": VIX_BETA,
    }
)


def find_factor(factor_id: str) -> Factor:
    """The factor of that id.

    Parameters
    ----------
    factor_id : str
        Name in a manifest.

    Returns
    -------
    factor : Factor
        From `FACTORS`.

    Raises
    ------
    ValidationError
        If there is none; the message gives the nearest id.

    Examples
    --------
    >>> find_factor("vol_63").lookback
    63
    """
    if factor_id in FACTORS:
        return FACTORS[factor_id]
    near = difflib.get_close_matches(factor_id, FACTORS, n=1, cutoff=0.0)
    raise ValidationError(
        f"unknown factor {factor_id!r}; nearest: {near[0]}.",
        field="id",
        value=factor_id,
        allowed=", ".join(FACTORS),
        fix="Run `nanodesk factors` for the list.",
    )

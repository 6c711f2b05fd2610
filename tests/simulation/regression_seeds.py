"""Seeds that have failed once, each with what it found; they run before all others and are never taken off the list."""

from __future__ import annotations

REGRESSION_SEEDS: dict[int, str] = {
    0: "a recovery ended at the first reading that failed",
    3: "a replace that was only taken ended the old order for us",
    20: "a late foreign fill was booked over the opening positions",
    102: "an order whose fills were busted awaited them for ever",
    177: "an old word on a foreign order was believed over a newer one",
    482: "an order whose fills were busted awaited them for ever",
    3844: "a recovery sent an order again though the kill switch was pulled",
    3925: "a recovery sent an order again though the kill switch was pulled",
    970: "an order that was corrected and then busted awaited the difference",
}

"""What streams of commands are made of: one profile per subject, and some that mix or overdo everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Profile:
    """What a stream is made of: weights of commands, options in use, rates of bad input."""

    name: str
    weights: Mapping[str, float]
    tifs: tuple[str, ...] = ("gtc",)
    options: frozenset[str] = frozenset()
    matchings: tuple[str, ...] = ("price_time",)
    invalid_rate: float = 0.02
    ghost_rate: float = 0.05
    spread: int = 6
    target_resting: int = 25
    extreme_rate: float = 0.0
    has_instruments: bool = False
    owners: tuple[int, ...] = (1, 1, 2, 2**32 - 1)
    is_wide: bool = False  # prices from next to the center to astronomically far, for sparse books
    configuration: Mapping[str, object] = field(default_factory=dict)


PLAIN = {"brim": 1.5, "limit": 60, "market": 6, "cancel": 20, "modify": 10, "reduce": 5}
MEMORY = {"clear_trades": 0.3, "clear_order_history": 0.5, "compact": 0.5}
SESSION = {"clock": 4, "session_close": 1, "band": 1.5, "halt": 0.7, "resume": 1, "start_auction": 1, "uncross": 1}
STOPS = {"stop_market": 6, "stop_limit": 6, "trail_market": 5, "trail_limit": 4}
LINKS = {"bracket": 6, "link": 6}
ALL_TIFS = ("gtc", "gtc", "gtc", "ioc", "fok", "gtd", "day")
ALL_OPTIONS = frozenset({"post_only", "display", "min_quantity", "reduce_only", "owner", "self_trade"})
ALL_MATCHINGS = ("price_time", "price_time", "pro_rata", "split")
EVERYTHING = {**PLAIN, **MEMORY, **SESSION, **STOPS, **LINKS, "pegged": 6, "position": 2}

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("plain", {**PLAIN, **MEMORY}),
        Profile("tif", {**PLAIN, **MEMORY, "clock": 4, "session_close": 1}, tifs=ALL_TIFS),
        Profile("options", {**PLAIN, "position": 2}, tifs=("gtc", "gtc", "ioc", "fok"), options=ALL_OPTIONS),
        Profile(
            "allocation",
            {**PLAIN, "position": 1},
            tifs=("gtc", "gtc", "ioc", "fok"),
            options=ALL_OPTIONS,
            matchings=("pro_rata", "split"),
            has_instruments=True,
            spread=3,
        ),
        Profile("stops", {**PLAIN, **STOPS, "clock": 2}, tifs=ALL_TIFS, options=frozenset({"owner", "self_trade"})),
        Profile("links", {**PLAIN, **LINKS, "stop_market": 4, "stop_limit": 3}, options=ALL_OPTIONS),
        Profile("pegs", {**PLAIN, "pegged": 15, "band": 1}, options=frozenset({"display"}), has_instruments=True),
        Profile("sessions", {**PLAIN, **SESSION, "stop_market": 3}, tifs=ALL_TIFS, options=frozenset({"display"})),
        Profile(
            "everything",
            EVERYTHING,
            tifs=ALL_TIFS,
            options=ALL_OPTIONS,
            matchings=ALL_MATCHINGS,
            has_instruments=True,
        ),
        Profile(
            "tangle",
            {**PLAIN, **SESSION, **MEMORY, "limit": 40, "modify": 20, "bracket": 15, "link": 15, "stop_market": 8}
            | {"brim": 6, "trail_market": 5, "clear_order_history": 4, "start_auction": 3, "position": 3},
            options=frozenset({"reduce_only", "owner", "self_trade"}),
            matchings=ALL_MATCHINGS,
            spread=3,
            target_resting=12,
        ),
        Profile(
            "one_owner",
            {**PLAIN, **LINKS, "position": 6, "stop_market": 5},
            tifs=("gtc", "gtc", "ioc", "fok"),
            options=ALL_OPTIONS,
            matchings=ALL_MATCHINGS,
            spread=3,
            target_resting=12,
            owners=(1,),
        ),
        Profile("deep", {**PLAIN, "pegged": 1}, spread=300, target_resting=400, options=frozenset({"display"})),
        Profile("wide", {**PLAIN, **STOPS, "pegged": 2}, target_resting=150, is_wide=True, has_instruments=True),
        Profile("bad_input", EVERYTHING, tifs=ALL_TIFS, options=ALL_OPTIONS, invalid_rate=0.4, ghost_rate=0.4),
        Profile(
            "extremes",
            EVERYTHING,
            tifs=ALL_TIFS,
            options=ALL_OPTIONS,
            matchings=ALL_MATCHINGS,
            extreme_rate=0.3,
            has_instruments=True,
        ),
    )
}

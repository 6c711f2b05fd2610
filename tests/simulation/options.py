"""What one seed decides about one run: which venue, which faults, how often, and how the trader behaves."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

from nanodesk.brokers.base import AbsenceRule
from nanodesk.brokers.paper.values import IdRule


@dataclass(frozen=True)
class VenueProfile:
    """In which points venues differ for who must find out what became of an order."""

    rule: AbsenceRule
    id_rule: IdRule
    keeps_refused: bool


PROFILES = {
    # A request is void once its window has passed; an id may be used again once its order is closed.
    "window": VenueProfile(AbsenceRule(5.0, 2, 0.5), IdRule.OPEN, keeps_refused=False),
    # An id is used up for good, so the same order may be sent again.
    "unique": VenueProfile(AbsenceRule(3.0, 2, 1.0, same_id_is_refused=True), IdRule.EVER, keeps_refused=False),
    # Ids are free text; refused orders stay on the list.
    "session": VenueProfile(AbsenceRule(2.0, 2, 0.5), IdRule.FREE, keeps_refused=True),
    # Nothing is ever on its way unseen.
    "embedded": VenueProfile(AbsenceRule(0.0, 1, same_id_is_refused=True), IdRule.EVER, keeps_refused=True),
}


@dataclass(frozen=True)
class Options:
    """Everything that a run is made of; the rates are chances for each occasion."""

    seed: int
    profile: str
    symbols: int
    commands: int
    crashes: int
    crash_gap: int
    crash_again: float  # that the next crash comes within the recovery
    # Requests
    lost_before: float
    lost_after: float
    late: float  # the answer is lost and the request arrives later
    refused: float
    rate_limited: float
    raises: float  # the adapter fails in a way of its own
    bare: float  # accepted, and nothing else is told
    tells_fills: float  # the answer carries the fills
    cancel_race: float
    # The stream
    duplicate: float
    reorder: float
    gap: float  # an event never comes, and nobody says so
    stream_loss: float
    disconnect: float
    latency_ms: int
    # Reading
    read_error: float
    reads_lag: float  # a list does not show the newest fills yet
    splits_revisions: bool  # the list tells an execution and its correction as two rows
    # The venue
    market_latency_ms: int
    prints: int
    displayed: int
    fee: str
    moves: float
    busts: float
    late_fills: float
    humans: float
    expiries: float
    halts: float
    # The trader
    batch: int
    uses_risk: bool
    tight_limits: bool
    kill: float
    resend: bool
    opening: bool
    # Adapters
    nameless: float  # a fill is told under the venue's number alone
    misread: float  # an order is called refused and rests all the same

    @classmethod
    def of(cls, seed: int) -> Options:
        """The options of a seed.

        Parameters
        ----------
        seed : int
            Any.
        """
        rng = random.Random(f"options {seed}")

        def rate(most: float) -> float:
            # Half the faults are off in half the runs, so that each is met alone too; a few runs are all fault.
            return round(rng.choice((0.0, 0.0, 0.1, 0.3, 1.0)) * most, 4)

        def adapter() -> dict[str, float]:
            # Not both: the fills of an order that was called refused are nobody's if nothing but a number names them.
            return {"nameless": 0.0, "misread": 0.0} | {rng.choice(("nameless", "misread")): rate(0.5)}

        profile = rng.choice(list(PROFILES))
        latency = rng.choice((0, 0, 0, 40, 400))
        return cls(
            seed=seed,
            profile=profile,
            symbols=rng.randint(1, 3),
            commands=rng.choice((8, 20, 30, 45)),
            crashes=rng.choice((0, 0, 1, 2, 3, 6)),
            crash_gap=rng.choice((5, 20, 60, 150)),
            crash_again=rng.choice((0.0, 0.3, 0.8)),
            lost_before=rate(0.3),
            lost_after=rate(0.4),
            late=rate(0.4),
            refused=rate(0.3),
            rate_limited=rate(0.3),
            raises=rate(0.2),
            bare=rate(0.5),
            tells_fills=rng.choice((0.0, 0.5, 1.0)),
            cancel_race=rate(0.5),
            duplicate=rate(0.5),
            reorder=rate(0.5),
            gap=rate(0.3),
            stream_loss=rate(0.15),
            disconnect=rate(0.1),
            latency_ms=rng.choice((0, 0, 5, 300, 3_000)),
            read_error=rate(0.3),
            reads_lag=rate(0.4),
            splits_revisions=rng.random() < 0.5,
            market_latency_ms=0 if profile == "embedded" else latency,
            prints=rng.choice((1, 1, 3)),
            displayed=rng.choice((0, 3, 20)),
            fee=rng.choice(("none", "unit", "bps")),
            moves=rate(0.8),
            busts=rate(0.15),
            late_fills=rate(0.3),
            humans=rate(0.2),
            expiries=rate(0.1),
            halts=rate(0.1),
            batch=rng.choice((1, 2, 5)),
            uses_risk=rng.random() < 0.5,
            tight_limits=rng.random() < 0.5,
            kill=rate(0.1),
            resend=rng.random() < 0.5,
            opening=rng.random() < 0.5,
            **adapter(),
        )

    def __str__(self) -> str:
        return "\n".join(f"  {field.name} = {getattr(self, field.name)!r}" for field in fields(self))

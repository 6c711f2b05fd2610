"""The 32 steps of the live river at which a process may die, by the names of the specification."""

from typing import Final

STEPS: Final = {
    "K1": "run.before_started", "K2": "run.started", "K3": "run.positions", "K4": "run.quotes", "K5": "run.plan",
    "K6": "run.risk", "K7": "intent.inside", "K8": "intent.logged", "K9": "send.connected", "K10": "send.half",
    "K11": "send.written", "K12": "reply.read", "K13": "ack.inside", "K14": "ack.logged", "K15": "fill.received",
    "K16": "fill.inside", "K17": "fill.logged", "K18": "cancel.logged", "K19": "cancel.sent",
    "K20": "cancel.lost_race", "K21": "orders.between", "K22": "reconcile.before", "K23": "reconcile.inside",
    "K24": "run.before_completed", "R1": "recovery.start", "R2": "recovery.looked_up", "R3": "adopt.inside",
    "R4": "adopt.logged", "R5": "recovery.replan", "R6": "recovery.again", "C1": "checkpoint.inside",
    "S1": "snapshot.write",
}  # fmt: skip
"""``R6`` has no step of its own: it is a second crash in a recovery."""

NEEDS_RACE: Final = ("K20",)
"""Reached only where a cancel meets a fill: the venue fills what is cancelled."""

DISK_STEPS: Final = ("K1", "K7", "K13", "K16", "K23", "R3", "C1")
"""The steps marked F: at these a full disk and an I/O error are tried as well."""

FIRST_OF_RECOVERY: Final = {
    "R1": "send.written", "R2": "send.written", "R3": "send.written", "R4": "send.written", "R5": "intent.logged",
    "R6": "send.written",
}  # fmt: skip
"""Where a life ends so that the next one has something to recover."""

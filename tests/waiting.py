"""Waiting for what another thread or process does, as patiently as a busy machine asks; success costs no time."""

import time

PATIENCE_S = 20.0


def until(condition, timeout_s=PATIENCE_S):
    """Return as soon as ``condition()`` holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not so within {timeout_s} s"
        time.sleep(0.01)


def events_until(broker, done, timeout_s=PATIENCE_S):
    """Events so far, as soon as ``done(events)`` holds."""
    found, deadline = [], time.monotonic() + timeout_s
    while not done(found):
        assert time.monotonic() < deadline, found
        found += broker.events(timeout_s=0.05)
    return found

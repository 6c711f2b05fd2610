"""Forks venues and clients from one process that has everything imported, so that a life costs milliseconds.

Reads one JSON object a line on stdin and answers each with one on stdout. It has one thread and never an event loop,
so what it forks is a clean process.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import time
from typing import Any

from torture.client_life import live
from torture.venue_life import MODULES, available, serve_venue

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_STEP_S = 0.002


def _fork(work: Any) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        code = work() or 0
    finally:
        os._exit(code)


def start_venue(kind: str, log: str) -> dict[str, Any]:
    """A venue that runs until it is killed; gives its ready line and its process id."""
    ours, theirs = os.pipe()

    def work() -> None:
        errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(errors, 2)
        serve_venue(kind, lambda ready: os.write(theirs, json.dumps(ready).encode() + b"\n") and None)

    pid = _fork(work)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        line = pipe.readline()
    return {"pid": pid, "ready": json.loads(line)}


def run_life(spec: dict[str, Any], limit_s: float, kill_after_s: float | None) -> dict[str, Any]:
    """A client process to its end; one that hangs, by the time that this process was awake, is killed and told so."""

    def work() -> int:
        errors = os.open(f"{spec['folder']}/stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(errors, 2)
        os.dup2(errors, 1)
        return live(spec)

    pid, started_s, awake_s = _fork(work), time.monotonic(), 0.0
    while True:
        before_s = time.monotonic()
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return {"exit": os.waitstatus_to_exitcode(status), "hung": False}
        if kill_after_s is not None and before_s >= started_s + kill_after_s:
            os.kill(pid, signal.SIGKILL)
            return {"exit": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "hung": False}
        if awake_s >= limit_s:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return {"exit": -signal.SIGKILL, "hung": True}
        time.sleep(_STEP_S)
        # While nobody on this machine gets anywhere, nobody hangs.
        awake_s += min(time.monotonic() - before_s, 5 * _STEP_S)


def main() -> None:
    """Serve requests until stdin ends."""
    for module in available():
        importlib.import_module(MODULES[module])
        importlib.import_module(f"nanodesk.brokers.{module}")
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    venues: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        if request["do"] == "venue":
            answer = start_venue(request["kind"], request["log"])
            venues.add(answer["pid"])
        elif request["do"] == "end_venue":
            os.kill(request["pid"], signal.SIGKILL)
            os.waitpid(request["pid"], 0)
            venues.discard(request["pid"])
            answer = {}
        else:
            answer = run_life(request["spec"], request["limit_s"], request.get("kill_after_s"))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in venues:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()

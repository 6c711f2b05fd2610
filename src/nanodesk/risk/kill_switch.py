"""The kill switch: pulled once it stays pulled, in every process and after every restart, until a human resets it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nanodesk.atomic_file import write_text
from nanodesk.errors import ValidationError

SCHEMA: Final = 1
LARGEST_FILE: Final = 65_536
PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class KillSwitchState:
    """Whether trading is stopped, and by whom.

    Parameters
    ----------
    is_pulled : bool
        Whether nothing may be sent.
    who, why : str, default ""
        Who pulled or reset it last, and the reason.
    when_ns : int, default 0
        When, nanoseconds since 1970.
    may_flatten : bool, default False
        Whether reduce-only orders that shrink a position may still go.
    """

    is_pulled: bool
    who: str = ""
    why: str = ""
    when_ns: int = 0
    may_flatten: bool = False

    def __str__(self) -> str:
        if not self.is_pulled:
            return "not pulled"
        return f"pulled by {self.who}: {self.why}" + ("; flattening is allowed" if self.may_flatten else "")


class KillSwitch:
    """A latch in a small file of mode 0600, replaced in one step.

    A file that cannot be read or understood counts as pulled. A switch that this process pulled stays pulled for it,
    even if the file could not be written or was removed.

    Parameters
    ----------
    path : Path
        The file; its folder is made when the switch is first pulled.
    now_ns : callable, optional
        Clock, nanoseconds since 1970.
    """

    def __init__(self, path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.path = path
        self._now_ns = now_ns
        self._pulled_here: KillSwitchState | None = None

    def state(self) -> KillSwitchState:
        """What the file says now.

        Returns
        -------
        state : KillSwitchState
            Pulled too when the file is damaged or cannot be read.
        """
        return self._pulled_here or self._read()

    def pull(self, *, who: str, why: str, may_flatten: bool = False) -> KillSwitchState:
        """Stop trading.

        Parameters
        ----------
        who, why : str
            Who pulls it, and the reason; not empty.
        may_flatten : bool, default False
            Let reduce-only orders pass that shrink a position.

        Returns
        -------
        state : KillSwitchState
            As it stands: the first pull keeps its name and reason, and flattening stays allowed only if both allow it.

        Raises
        ------
        ValidationError
            If name or reason is empty.
        OSError
            If the file cannot be written; this process stays stopped all the same.
        """
        _require_text(who=who, why=why)
        before = self.state()
        state = KillSwitchState(True, who, why, self._now_ns(), may_flatten)
        if before.is_pulled:
            flatten = before.may_flatten and may_flatten
            state = KillSwitchState(True, before.who, before.why, before.when_ns, flatten)
        self._pulled_here = state
        self._write(state)
        return state

    def allow_flattening(self, *, who: str, why: str) -> KillSwitchState:
        """Stop trading, or leave it stopped, but let reduce-only orders pass that shrink a position.

        Parameters
        ----------
        who, why : str
            Who asks for it, and the reason; not empty. A switch that is pulled keeps its own.

        Returns
        -------
        state : KillSwitchState
            Pulled, with leave to flatten.

        Raises
        ------
        ValidationError
            If name or reason is empty.
        OSError
            If the file cannot be written; this process stays stopped all the same.
        """
        before = self.state()
        if not before.is_pulled:
            return self.pull(who=who, why=why, may_flatten=True)
        _require_text(who=who, why=why)
        self._pulled_here = replace(before, may_flatten=True)
        self._write(self._pulled_here)
        return self._pulled_here

    def reset(self, *, who: str, why: str) -> KillSwitchState:
        """Allow trading again; nothing but this call does.

        Parameters
        ----------
        who, why : str
            Who resets it, and the reason; not empty.

        Returns
        -------
        state : KillSwitchState
            Not pulled.

        Raises
        ------
        ValidationError
            If name or reason is empty.
        OSError
            If the file cannot be written; trading stays stopped.
        """
        _require_text(who=who, why=why)
        state = KillSwitchState(False, who, why, self._now_ns())
        self._write(state)
        self._pulled_here = None
        return state

    def _write(self, state: KillSwitchState) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        record = {
            "schema": SCHEMA,
            "is_pulled": state.is_pulled,
            "who": state.who,
            "why": state.why,
            "when_ns": state.when_ns,
            "may_flatten": state.may_flatten,
        }
        write_text(self.path, json.dumps(record, indent=1) + "\n", mode=PRIVATE)

    def _read(self) -> KillSwitchState:
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return KillSwitchState(False)
        except OSError as error:
            return _stopped(f"its file cannot be opened ({error.strerror})")
        try:
            with os.fdopen(handle, "rb") as file:
                return _state_from(json.loads(file.read(LARGEST_FILE)))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            return _stopped(f"its file cannot be understood ({type(error).__name__})")


def _state_from(record: Any) -> KillSwitchState:
    if record["schema"] != SCHEMA:
        raise ValueError("schema")
    state = KillSwitchState(*(record[name] for name in ("is_pulled", "who", "why", "when_ns", "may_flatten")))
    kinds = (bool, str, str, int, bool)
    values = (state.is_pulled, state.who, state.why, state.when_ns, state.may_flatten)
    if any(type(value) is not kind for value, kind in zip(values, kinds, strict=True)):
        raise TypeError("record")
    return state


def _stopped(why: str) -> KillSwitchState:
    return KillSwitchState(True, "nanodesk", why)


def _require_text(**texts: str) -> None:
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise ValidationError(
                f"{name}={text!r} must say something.", field=name, value=text, allowed="a text that is not empty"
            )

"""The loss monitor: turns a daily loss or a drawdown into REDUCING, then HALTED, and keeps it until a human resets."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from nanodesk.atomic_file import write_text
from nanodesk.errors import SchemaMismatchError, ValidationError
from nanodesk.market.fixed_point import E9, format_e9
from nanodesk.risk.checks.loss import loss_frac
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.trading_state import TradingState

SCHEMA: Final = 1
PRIVATE: Final = 0o600
EQUITY_WRITTEN_EVERY_NS: Final = 60 * E9
"""An equity that changes nothing else goes to the disk once a minute, not with every order."""
LONGEST_WEEKEND_DAYS: Final = 4
"""From Thursday's close to Monday's open; an equity that is older is no evening before."""


@dataclass(frozen=True, slots=True)
class LossRecord:
    """What the monitor remembers; whoever owns it stores it with its journal.

    Parameters
    ----------
    day : str, default ""
        Trading day of ``day_start_equity_e9``, as ``2026-02-08``.
    day_start_equity_e9, high_water_e9 : int or None
        Equity that the day's loss is measured from (the last one seen on an evening at most four days ago, else the
        first of the day), and the highest ever.
    state : TradingState, default ACTIVE
        What it allows.
    reason : str, default ""
        Why it does not allow more.
    since_ns : int, default 0
        Since when, nanoseconds since 1970.
    last_equity_e9 : int or None
        As last seen.
    """

    day: str = ""
    day_start_equity_e9: int | None = None
    high_water_e9: int | None = None
    state: TradingState = TradingState.ACTIVE
    reason: str = ""
    since_ns: int = 0
    last_equity_e9: int | None = None

    def to_json(self) -> str:
        """Text that :meth:`from_json` reads.

        Returns
        -------
        text : str
            One JSON object.
        """
        return json.dumps({"schema": SCHEMA} | asdict(self) | {"state": self.state.value})

    @classmethod
    def from_json(cls, text: str) -> LossRecord:
        """Read what :meth:`to_json` wrote.

        Parameters
        ----------
        text : str
            One JSON object.

        Returns
        -------
        record : LossRecord
            The same.

        Raises
        ------
        SchemaMismatchError
            If the text is damaged, or of another schema.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            if found.pop("schema") != SCHEMA:
                raise ValueError("schema")
            record = cls(**found | {"state": TradingState(found["state"])})
            _require_sound(record)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise SchemaMismatchError(
                f"loss record {text[:60]!r} cannot be understood.",
                field="loss record",
                value=text[:200],
                allowed=f"a record of schema {SCHEMA}",
                fix="Restore the file, or remove it to start from today's equity with the state ACTIVE.",
            ) from error
        return record


def _require_sound(record: LossRecord) -> None:
    kinds = {"day": str, "reason": str, "since_ns": int}
    if any(type(getattr(record, name)) is not kind for name, kind in kinds.items()):
        raise TypeError
    if record.day:
        datetime.date.fromisoformat(record.day)
    for amount in (record.day_start_equity_e9, record.high_water_e9, record.last_equity_e9):
        if amount is not None and type(amount) is not int:
            raise TypeError


class LossMonitor:
    """Watches equity, and only ever tightens.

    Parameters
    ----------
    config : RiskConfig
        ``max_daily_loss_frac`` and ``max_drawdown_frac`` lead to REDUCING, their ``halt_`` twins to HALTED.
    path : Path, optional
        File that holds the record, mode 0600; without it the caller stores :attr:`record`.
    record : LossRecord, optional
        Where to go on from, when there is no file.

    Raises
    ------
    SchemaMismatchError
        If the file is there and cannot be understood.

    Examples
    --------
    >>> monitor = LossMonitor(RiskConfig(max_daily_loss_frac=0.05, halt_daily_loss_frac=0.10))
    >>> monitor.update(100_000, now_ns=1, day="2026-02-09")
    <TradingState.ACTIVE: 'active'>
    >>> monitor.update(94_000, now_ns=2, day="2026-02-09")
    <TradingState.REDUCING: 'reducing'>
    >>> monitor.update(100_000, now_ns=3, day="2026-02-09")
    <TradingState.REDUCING: 'reducing'>
    """

    def __init__(self, config: RiskConfig, *, path: Path | None = None, record: LossRecord | None = None) -> None:
        self.config = config
        self.path = path
        self.record = LossRecord() if record is None else record
        self._written_ns = 0
        if path is not None and path.exists():
            self.record = LossRecord.from_json(path.read_text(encoding="utf-8"))

    @property
    def state(self) -> TradingState:
        """What is allowed now."""
        return self.record.state

    def update(self, equity_e9: int, *, now_ns: int, day: str) -> TradingState:
        """Look at the equity.

        Parameters
        ----------
        equity_e9 : int
            Of the account, now. What is no whole number halts.
        now_ns : int
            Our clock.
        day : str
            Trading day, as ``2026-02-08``; a later one starts the daily loss again from the last equity of the evening
            before, the state it does not.

        Returns
        -------
        state : TradingState
            What is allowed from now on.
        """
        if type(equity_e9) is not int:
            return self.tighten(TradingState.HALTED, f"equity {equity_e9!r} is no whole number", now_ns=now_ns)
        old = self.record
        start = old.day_start_equity_e9 if day <= old.day else self._evening_equity(day)
        record = replace(
            old,
            day=max(day, old.day),  # a clock that is set back begins no new day
            day_start_equity_e9=equity_e9 if start is None else start,
            high_water_e9=equity_e9 if old.high_water_e9 is None else max(equity_e9, old.high_water_e9),
            last_equity_e9=equity_e9,
        )
        state, reason = self._verdict(record, equity_e9)
        later = _tightened(record, state, reason, now_ns)
        is_only_equity = later == replace(old, last_equity_e9=equity_e9)
        if is_only_equity and 0 <= now_ns - self._written_ns < EQUITY_WRITTEN_EVERY_NS:
            self.record = later
        else:
            self._written_ns = now_ns
            self._keep(later)
        return self.state

    def _evening_equity(self, day: str) -> int | None:
        """The last equity of an evening not long ago: a desk that looks once a day sees the loss since then."""
        old = self.record
        if not old.day or old.last_equity_e9 is None:
            return None
        away = datetime.date.fromisoformat(day) - datetime.date.fromisoformat(old.day)
        return old.last_equity_e9 if away.days <= LONGEST_WEEKEND_DAYS else None

    def tighten(self, state: TradingState, reason: str, *, now_ns: int) -> TradingState:
        """Allow less, for a reason of the caller's.

        Parameters
        ----------
        state : TradingState
            At most this is allowed from now on.
        reason : str
            Why.
        now_ns : int
            Our clock.

        Returns
        -------
        state : TradingState
            What is allowed; never more than before.
        """
        self._keep(_tightened(self.record, state, reason, now_ns))
        return self.state

    def move_cash(self, amount_e9: int) -> None:
        """A deposit or withdrawal is neither gain nor loss: shift what is compared with.

        Parameters
        ----------
        amount_e9 : int
            Positive when paid in.
        """
        old = self.record
        start = None if old.day_start_equity_e9 is None else old.day_start_equity_e9 + amount_e9
        peak = None if old.high_water_e9 is None else old.high_water_e9 + amount_e9
        last = None if old.last_equity_e9 is None else old.last_equity_e9 + amount_e9
        self._keep(replace(old, day_start_equity_e9=start, high_water_e9=peak, last_equity_e9=last))

    def reset(self, equity_e9: int, *, who: str, why: str, now_ns: int) -> TradingState:
        """Back to ACTIVE, with day and high-water mark starting at today's equity; nothing but this call does it.

        Parameters
        ----------
        equity_e9 : int
            Of the account, now.
        who, why : str
            Who resets, and the reason; not empty.
        now_ns : int
            Our clock.

        Returns
        -------
        state : TradingState
            ACTIVE.

        Raises
        ------
        ValidationError
            If name or reason is empty, or the equity is not positive.
        """
        if not who.strip() or not why.strip():
            raise ValidationError("who and why must say something.", field="who", value=who, allowed="a text")
        if type(equity_e9) is not int or equity_e9 <= 0:
            raise ValidationError(
                f"equity_e9={equity_e9!r} must be positive.", field="equity_e9", value=equity_e9, allowed="above 0"
            )
        self._keep(
            LossRecord(
                self.record.day, equity_e9, equity_e9, TradingState.ACTIVE, f"reset by {who}: {why}", now_ns, equity_e9
            )
        )
        return self.state

    def _verdict(self, record: LossRecord, equity_e9: int) -> tuple[TradingState, str]:
        config, worst, reason = self.config, TradingState.ACTIVE, ""
        measures = (
            ("daily loss", record.day_start_equity_e9, config.max_daily_loss_frac_e9, config.halt_daily_loss_frac_e9),
            ("drawdown", record.high_water_e9, config.max_drawdown_frac_e9, config.halt_drawdown_frac_e9),
        )
        for name, start, limit, halt in measures:
            if start is None or start <= 0:
                return TradingState.HALTED, f"{name}: equity is not positive"
            loss = loss_frac(start, equity_e9)
            state = (
                TradingState.HALTED if loss > halt else TradingState.REDUCING if loss > limit else TradingState.ACTIVE
            )
            if state.severity > worst.severity:
                worst, reason = state, f"{name} of {format_e9(loss)}"
        return worst, reason

    def _keep(self, record: LossRecord) -> None:
        if record == self.record:
            return
        self.record = record
        if self.path is not None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_text(self.path, record.to_json() + "\n", mode=PRIVATE)


def _tightened(record: LossRecord, state: TradingState, reason: str, now_ns: int) -> LossRecord:
    if state.severity <= record.state.severity:
        return record
    return replace(record, state=state, reason=reason, since_ns=now_ns)

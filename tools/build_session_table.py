"""Regenerate the session table that ships in the package, from exchange_calendars.

Usage: python tools/build_session_table.py [--check]; with ``--check`` it only compares and exits 1 on a difference.
"""

import datetime
import json
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent.parent / "src" / "nanodesk" / "market" / "session_table.json"
FIRST = datetime.date(1990, 1, 1)
LAST = datetime.date(2027, 12, 31)
SATURDAY = 5


def main() -> None:
    text = json.dumps({"schema": 1, "calendars": {"XNYS": exchange_table("XNYS")}}, indent=1) + "\n"
    if "--check" not in sys.argv[1:]:
        TABLE.write_text(text, encoding="utf-8")
    elif TABLE.read_text(encoding="utf-8") != text:
        sys.exit(f"{TABLE.name} differs from exchange_calendars; run tools/build_session_table.py")


def exchange_table(name: str) -> dict[str, Any]:
    """Holidays, half days and clock changes of one exchange: all that differs from a plain weekday."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(name, start=FIRST.isoformat(), end=LAST.isoformat())
    sessions = [stamp.date() for stamp in calendar.sessions]
    days = [FIRST + datetime.timedelta(days=i) for i in range((LAST - FIRST).days + 1)]
    closed = sorted({day for day in days if day.weekday() < SATURDAY} - set(sessions))
    opens, closes = local_minutes(calendar, "open"), local_minutes(calendar, "close")
    ordinary = (max(opens, key=opens.count), max(closes, key=closes.count))
    if set(opens) != {ordinary[0]} or any(day.weekday() >= SATURDAY for day in sessions):
        raise SystemExit(f"{name} has late opens or weekend sessions: the table needs a new column")
    return {
        "source": f"exchange_calendars {exchange_calendars.__version__}",
        "first": FIRST.isoformat(),
        "last": LAST.isoformat(),
        "open_minute": ordinary[0],
        "close_minute": ordinary[1],
        "holidays": [day.isoformat() for day in closed],
        "early_closes": {
            day.isoformat(): close for day, close in zip(sessions, closes, strict=True) if close != ordinary[1]
        },
        "utc_offset_changes": offset_changes(calendar, sessions),
    }


def local_minutes(calendar: Any, column: str) -> list[int]:
    stamps = calendar.schedule[column].dt.tz_convert(calendar.tz)
    return [stamp.hour * 60 + stamp.minute for stamp in stamps]


def offset_changes(calendar: Any, sessions: list[datetime.date]) -> dict[str, int]:
    """First session of every run of equal offsets, with the offset in minutes."""
    offsets = [
        int(stamp.utcoffset().total_seconds()) // 60 for stamp in calendar.schedule["open"].dt.tz_convert(calendar.tz)
    ]
    return {
        day.isoformat(): offset
        for i, (day, offset) in enumerate(zip(sessions, offsets, strict=True))
        if i == 0 or offsets[i - 1] != offset
    }


if __name__ == "__main__":
    main()

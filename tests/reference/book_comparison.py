"""Two books, one stream: find the first command on which they disagree, and the fewest commands that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reference import naive_checks as checks
from reference.book_laws import BookLaws
from reference.command_stream import GHOST_ID, CommandStream
from reference.naive_book import NaiveDriver
from reference.stream_profiles import PROFILES

MakeDriver = Callable[..., Any]
PARTS = ("result", "trades", "notices", "bids", "asks", "hash")
REPLAYED = ("hash", "bids", "asks", "trades", "orders", "stops")
SNAPSHOT_EVERY = 100
REFERRING = {"cancel", "reduce", "modify", "link"}
WORDS = frozenset({*checks.TIFS, *checks.SELF_TRADE, "oco", "ouo"})


@dataclass(frozen=True)
class Disagreement:
    """The stream up to the command on which the engine and the reference differ."""

    configuration: dict
    commands: tuple[tuple, ...]
    part: str
    expected: object
    actual: object

    def __str__(self) -> str:
        lines = [f"{self.part} differs after command {len(self.commands)}", f"configuration: {self.configuration}"]
        lines += [f"  {command!r}," for command in self.commands]
        return "\n".join([*lines, f"expected: {self.expected!r}", f"actual:   {self.actual!r}"])


class Pair:
    """A reference and an engine under the same commands, with the laws of a book watched on the engine."""

    def __init__(self, make_engine: MakeDriver, configuration: dict, reference: NaiveDriver | None = None) -> None:
        self.configuration = configuration
        self.reference = reference or NaiveDriver(**configuration)
        self.engine = make_engine(**configuration)
        self.laws = BookLaws(configuration)
        self.commands: list[tuple] = []

    def apply(self, command: tuple, *, with_snapshot: bool = False) -> Disagreement | None:
        """Give both the command; what differs, if anything."""
        self.commands.append(command)
        expected = self.reference.apply(command)
        try:
            actual = self.engine.apply(command)
        except Exception as error:  # noqa: BLE001 - whatever escapes the engine's driver is a finding
            return self._differs("exception", expected[0], f"{type(error).__name__}: {error}")
        expected, actual = self._without_fields(expected, actual)
        if expected != actual:
            for part, ours, theirs in zip(PARTS, expected, actual, strict=True):
                if ours != theirs:
                    return self._differs(part, ours, theirs)
        if with_snapshot:
            return self.compare_snapshots(command, actual)
        return self._broken(self.laws.after(command, actual))

    @staticmethod
    def _without_fields(expected: tuple, actual: tuple) -> tuple[tuple, tuple]:
        """Rules fix the class of an error (R90), not which of several wrong arguments of one class is named."""
        if expected[0][0] != "error" or actual[0][0] != "error":
            return expected, actual
        return (expected[0][:2], *expected[1:]), (actual[0][:2], *actual[1:])

    def compare_snapshots(self, command: tuple, actual: tuple) -> Disagreement | None:
        """Every order and stop known, and the laws that need them."""
        orders, stops = self.engine.orders(), self.engine.stops()
        for name, ours, theirs in (
            ("orders", self.reference.orders(), orders),
            ("stops", self.reference.stops(), stops),
            ("queries", self.reference.queries(), self.engine.queries()),
        ):
            if ours != theirs:
                keys = [k for k in sorted({*ours, *theirs}, key=str) if ours.get(k) != theirs.get(k)]
                return self._differs(name, {k: ours.get(k) for k in keys[:5]}, {k: theirs.get(k) for k in keys[:5]})
        return self._broken(self.laws.after(command, actual, orders))

    def compare_replay(self) -> Disagreement | None:
        """Replaying the engine's own log gives the same book; what was cleared is known to the replay only."""
        if not hasattr(self.engine, "replayed"):
            return None
        twin = self.engine.replayed()
        for name, live, replayed in zip(REPLAYED, self.engine.observable(), twin.observable(), strict=True):
            if isinstance(live, dict):
                replayed = {key: replayed.get(key) for key in live}
            elif name == "trades":
                replayed = replayed[len(replayed) - len(live) :]
            if live != replayed:
                return self._differs(f"replay of {name}", live, replayed)
        return None

    def _broken(self, law: str | None) -> Disagreement | None:
        return None if law is None else self._differs("law", "kept", law)

    def _differs(self, part: str, expected: object, actual: object) -> Disagreement:
        return Disagreement(self.configuration, tuple(self.commands), part, expected, actual)


def compare_stream(
    make_engine: MakeDriver, seed: int, profile: str, length: int, counts: Counter | None = None
) -> Disagreement | None:
    """Run one seeded stream on both; the first disagreement. ``counts`` gathers what was met."""
    stream = CommandStream(seed, PROFILES[profile])
    pair = Pair(make_engine, stream.configuration, stream.driver)
    for number in range(length):
        command = stream.next()
        is_last = number == length - 1
        found = pair.apply(command, with_snapshot=is_last or number % SNAPSHOT_EVERY == 0)
        if counts is not None:
            counts.update(features(command))
        if found is not None:
            return found
    return pair.compare_replay()


def features(command: tuple) -> Iterator[str]:
    """What a command exercises: its name, time in force and options; words that do not exist are left out."""
    name, options = command[0], command[-1] if isinstance(command[-1], dict) else {}
    yield name
    for option, value in options.items():
        if option in ("post_only", "display", "min_quantity", "reduce_only", "owner", "expire_ns"):
            yield f"with {option}"
        elif value in WORDS:
            yield f"with {option}={value}"
    if name in ("limit", "stop_limit", "trail_limit") and command[-2] in WORDS:
        yield f"{name} {command[-2]}"
    for word in command[1:]:
        if name.startswith("trail") and word in checks.METHODS:
            yield f"trail by {word}"


def first_disagreement(make_engine: MakeDriver, configuration: dict, commands: Sequence[tuple]) -> Disagreement | None:
    """Run a list of commands on both, with a full snapshot after each."""
    pair = Pair(make_engine, configuration)
    for command in commands:
        found = pair.apply(command, with_snapshot=True)
        if found is not None:
            return found
    return pair.compare_replay()


def shrink(make_engine: MakeDriver, found: Disagreement, *, max_runs: int = 2000) -> Disagreement:
    """Delta debugging: drop commands, then options, while the two still disagree about the same part."""
    budget = [max_runs]

    def still(commands: Sequence[tuple]) -> Disagreement | None:
        budget[0] -= 1
        again = first_disagreement(make_engine, found.configuration, commands) if budget[0] > 0 else None
        return again if again is not None and again.part == found.part else None

    best = still(found.commands)
    if best is None:
        return found
    size = max(1, len(best.commands) // 2)
    while size >= 1:
        smaller = _without_a_chunk(still, best, size)
        if smaller is not None:
            best = smaller
            size = min(size, max(1, len(best.commands) // 2))
        else:
            size //= 2
    return _without_options(still, best)


def _without_a_chunk(still, best: Disagreement, size: int) -> Disagreement | None:
    """The first shorter stream that still disagrees, its ids renumbered to fit."""
    count = len(best.commands)
    for start in range(max(0, count - size), -1, -max(1, size)):
        dropped = range(start, min(count, start + size))
        kept = [i for i in range(count) if i not in dropped]
        again = still(renumbered(best.configuration, best.commands, kept))
        if again is not None:
            return again
    return None


def _without_options(still, best: Disagreement) -> Disagreement:
    """Drop every keyword that is not needed."""
    for at in range(len(best.commands)):
        if at >= len(best.commands) or not isinstance(best.commands[at][-1], dict):
            continue
        for name in list(best.commands[at][-1]):
            *rest, options = best.commands[at]
            simpler = (*rest, {k: v for k, v in options.items() if k != name})
            again = still([*best.commands[:at], simpler, *best.commands[at + 1 :]])
            best = again if again is not None and len(again.commands) == len(best.commands) else best
    return best


def renumbered(configuration: dict, commands: Sequence[tuple], kept: Sequence[int]) -> list[tuple]:
    """The kept commands, with ids pointing at the same orders as in the full stream."""
    origin: dict[int, tuple[int, int]] = {}  # id -> command that made it, and which of its ids
    driver = NaiveDriver(**configuration)
    for index, command in enumerate(commands):
        before = driver.book.next_id
        driver.apply(command)
        for item_id in range(before, driver.book.next_id):
            origin[item_id] = (index, item_id - before)
    first_id: dict[int, int] = {}  # command -> first of its ids now
    driver, answer = NaiveDriver(**configuration), []
    for index in kept:
        command = _translated(commands[index], origin, first_id)
        first_id[index] = driver.book.next_id
        driver.apply(command)
        answer.append(command)
    return answer


def _translated(command: tuple, origin: dict, first_id: dict) -> tuple:
    def now(item_id):
        if item_id not in origin:
            return item_id
        index, offset = origin[item_id]
        return first_id[index] + offset if index in first_id else GHOST_ID

    if command[0] == "link" and isinstance(command[2], tuple):
        return (command[0], command[1], tuple(now(i) for i in command[2]))
    if command[0] in REFERRING - {"link"} and isinstance(command[1], int):
        return (command[0], now(command[1]), *command[2:])
    return command

"""The watch over secrets: after a run, everything that the tests wrote or showed is searched for each secret they used.

Written is every file below pytest's temporary folder, of whatever kind and in whatever process; shown are captured
output, log records and tracebacks. A hit fails the run and names test and place. Secrets in tests are made by
:func:`marked` or stand in ``UNMARKED``. A file that has to hold one says so in its name, with ``HOLDS_A_SECRET``.
"""

import base64
import functools
import gzip
import mmap
import re
from pathlib import Path

import pytest

MARK = "c4n4rYi51cKeD"
"""Part of every secret of a test; letters and digits, so that no encoding of addresses or JSON changes it."""
UNMARKED = ("loopback-key", "loopback-secret")
"""Secrets that are not ours to choose: those of ``nanodesk venue``."""
HOLDS_A_SECRET = "holds-a-secret"  # noqa: S105  part of a file's name
_LARGEST_PACKED = 1 << 20
_SIGNATURE = re.compile(rb"(?i)signature(?:=|%3D|[\"']:\s*[\"'])([0-9a-f]{64}|[a-z0-9+/%_-]{80,})")
_OF_A_REPORT = "temporary_folder"


def marked(name):
    """A secret that the watch knows."""
    return f"{MARK}-{name}"


@functools.cache
def needles(*secrets):
    """Every form in which a secret travels, as bytes."""
    found = set()
    for secret in secrets or (MARK, *UNMARKED):
        raw = secret.encode()
        found |= {raw, raw[::-1], raw.hex().encode(), raw.hex(" ").encode(), raw.hex().upper().encode()}
        found |= {secret.encode("utf-16-le"), secret.encode("utf-16-be")}
        for shift in range(3):  # base64 of a longer text shows what is inside in one of three ways
            whole = base64.b64encode(b"\0" * shift + raw)
            inner = whole[4 if shift else 0 : len(whole) - (4 if (shift + len(raw)) % 3 else 0)]
            found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return tuple(sorted(found))


def leaks_in(content):
    """What gives a secret away in bytes, or a memory map; a signature is as good as a secret for a while."""
    hits = [needle.decode("latin-1") for needle in needles() if content.find(needle) >= 0]
    if content.find(b"ignature") >= 0:
        hits += [match[0].decode("latin-1")[:20] for match in _SIGNATURE.finditer(content)]
    return hits


def leaks_in_file(path):
    """The same of a file, also inside of what is compressed."""
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                hits = leaks_in(content)
        except ValueError:  # an empty file cannot be mapped
            return []
    return hits or leaks_in(_unpacked(path))


def _unpacked(path):
    if path.stat().st_size <= _LARGEST_PACKED:
        try:
            if path.suffix == ".gz":
                with gzip.open(path) as stream:
                    return stream.read(64 * _LARGEST_PACKED)
            if path.suffix == ".parquet":
                return _cells(path)
        except Exception:  # noqa: BLE001  many are damaged on purpose; what they hold in clear has been searched
            return b""
    return b""


def _cells(path):
    import polars as pl

    return pl.read_parquet(path, glob=False).select(pl.col(pl.String)).write_csv().encode()


def leaks_below(folder):
    """``(path, what)`` of every file that holds a secret and does not say so."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())
    return [
        (path, hit)
        for path in sorted(files)
        if HOLDS_A_SECRET not in str(path.relative_to(folder))
        for hit in leaks_in_file(path)
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail a test whose output, log or traceback tells a secret; remember whose a temporary folder is."""
    report = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    setattr(report, _OF_A_REPORT, None if folder is None else str(folder))
    shown = [*report.sections, ("traceback", report.longreprtext)]
    if told := {name for name, text in shown if leaks_in(text.encode("utf-8", "replace"))}:
        report.outcome = "failed"
        report.sections = []
        report.longrepr = f"{item.nodeid}: a secret is told in: {', '.join(sorted(told))} (not repeated here)"
    return report


class SecretWatch:
    """Searches the temporary folder of a run when it has ended, once for all its processes."""

    def __init__(self, config):
        self._config = config
        self._owners = {}
        self._lines = []

    def pytest_runtest_logreport(self, report):
        """Note which test has which folder."""
        if folder := getattr(report, _OF_A_REPORT, None):
            self._owners[folder] = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session):
        """Search, and fail the run if there is anything."""
        base = self._config._tmp_path_factory._basetemp
        for path, hit in leaks_below(base) if base is not None else ():
            owner = next((test for folder, test in self._owners.items() if path.is_relative_to(folder)), "a fixture")
            self._lines.append(f"{owner} left a secret in {path}: {hit[:4]}...")
        if self._lines:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        """Name every place."""
        if self._lines:
            terminalreporter.section("secrets were written", red=True)
            terminalreporter.write_line("\n".join(self._lines))


def pytest_configure(config):
    """Watch from the process that sees the end of the run, not from its workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SecretWatch(config))

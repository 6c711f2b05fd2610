"""What is looked at before the first connection: settings that are allowed and still wrong for trading."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from nanodesk.errors import ConfigError
from nanodesk.market.fixed_point import E9, format_e9
from nanodesk.rebalance.config import Connection, TradingConfig

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
LEVERAGE: Final = (1, 10)
TIMEOUT_S: Final = (5, 60)
_LENGTH_OF_A_SECRET: Final = 32
_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = ("nfs", "cifs", "smb", "ceph", "gluster", "lustre", "afs", "fuse.sshfs", "fuse.gluster", "beegfs")
"""How the types of file systems begin whose locks and syncs reach another machine, or do not."""
LIVE_SWITCH: Final = "NANODESK_LIVE_ACCOUNT"
"""Environment variable that must name the account before real money moves."""


@dataclass(frozen=True, slots=True)
class StartupIssue:
    """One reason not to start.

    Parameters
    ----------
    field : str
        Dotted key.
    location : str
        Where it was said: the file, or the command line.
    value : str
        What was said.
    fix : str
        What would do.
    """

    field: str
    location: str
    value: str
    fix: str

    def __str__(self) -> str:
        return f"{self.location}: {self.field}: {self.fix} (got {self.value})"


def startup_issues(
    config: TradingConfig, *, location: str, environ: Mapping[str, str], writes: bool = True
) -> tuple[StartupIssue, ...]:
    """Everything that should be set right before orders are sent.

    Parameters
    ----------
    config : TradingConfig
        As read.
    location : str
        The file it came from.
    environ : mapping of str to str
        The environment, for the names of secrets.
    writes : bool, default True
        Whether ``logging.dir`` will be written to; then it is made and tried.

    Returns
    -------
    issues : tuple of StartupIssue
        Empty when there is none.
    """
    issues = [
        *_connection(config),
        *_live(config, environ),
        *_limits(config),
        *_secrets(config, environ),
        *(_folder(config) if writes else ()),
    ]
    return tuple(StartupIssue(field, location, value, fix) for field, value, fix in issues)


def require_startup(config: TradingConfig, *, location: str, environ: Mapping[str, str], writes: bool = True) -> None:
    """Refuse to start with an issue.

    Parameters
    ----------
    config : TradingConfig
        As read.
    location : str
        The file it came from.
    environ : mapping of str to str
        The environment.
    writes : bool, default True
        Whether ``logging.dir`` will be written to.

    Raises
    ------
    ConfigError
        With every issue.
    """
    if issues := startup_issues(config, location=location, environ=environ, writes=writes):
        lines = [str(issue) for issue in issues]
        raise ConfigError("\n".join(lines), problems=lines)


def is_loopback(connection: Connection) -> bool:
    """Whether a REST broker's address is this machine.

    Parameters
    ----------
    connection : Connection
        Any.

    Returns
    -------
    is_loopback : bool
        Then its keys protect nothing.
    """
    return connection.base_url is not None and urlsplit(connection.base_url).hostname in LOOPBACK


def shown_secret_name(name: str) -> str:
    """The name of a secret, unless it is so long that it may be the secret itself.

    Parameters
    ----------
    name : str
        What was written as the name.

    Returns
    -------
    shown : str
        The name, or how long it is.
    """
    return name if len(name) < _LENGTH_OF_A_SECRET else f"a text of {len(name)} characters"


Fault = tuple[str, str, str]


def _connection(config: TradingConfig) -> list[Fault]:
    connection, faults = config.connection, []
    low, high = TIMEOUT_S
    if not low <= connection.timeout_secs <= high:
        faults.append(("connection.timeout_secs", f"{connection.timeout_secs:g}", f"set it within [{low}, {high}]"))
    if connection.broker == "ibkr":
        if not connection.host.strip():
            faults.append(("connection.host", repr(connection.host), "name the host of TWS or the gateway"))
        elif connection.host not in LOOPBACK and not connection.allow_remote_host:
            fix = "the protocol has no password: use 127.0.0.1, or set connection.allow_remote_host = true"
            faults.append(("connection.host", connection.host, fix))
    return faults


def _live(config: TradingConfig, environ: Mapping[str, str]) -> list[Fault]:
    """Real money moves only when the file, the account and the environment say so."""
    account = config.account.id.strip()
    if config.connection.mode != "live":
        return []
    if config.connection.broker == "paper":
        return [("connection.mode", "live", 'the paper broker has no real money: set mode = "paper"')]
    if not account:
        return [("account.id", "''", "name the account that may trade with real money")]
    if environ.get(LIVE_SWITCH) != account:
        fix = f"real money also needs the environment variable {LIVE_SWITCH}, set to the account's id"
        return [("connection.mode", "live", fix)]
    return []


def _limits(config: TradingConfig) -> list[Fault]:
    faults: list[Fault] = []
    low, high = LEVERAGE
    leverage = config.risk.max_leverage_e9
    if not low * E9 <= leverage <= high * E9:
        faults.append(("risk.max_leverage", format_e9(leverage), f"set it within [{low}, {high}]"))
    pause_s, window_e9 = config.execution.twap_interval_secs, config.risk.duplicate_window_ns
    if config.execution.order_type == "twap" and pause_s * E9 <= window_e9:
        fix = f"equal slices look like one sent twice: set it above risk.duplicate_window_s = {format_e9(window_e9)}"
        faults.append(("execution.twap_interval_secs", f"{pause_s:g}", fix))
    return faults


def _secrets(config: TradingConfig, environ: Mapping[str, str]) -> list[Fault]:
    connection = config.connection
    if connection.broker not in ("binance", "alpaca") or connection.keyring_service or connection.secrets_dir:
        return []
    faults: list[Fault] = []
    for key in ("api_key_env", "api_secret_env"):
        name = getattr(connection, key)
        if name is None and is_loopback(connection):
            continue  # a look-alike on this machine, whose keys are no secret
        if name is None:
            faults.append((f"connection.{key}", "nothing", "name the environment variable that holds it"))
        elif not environ.get(name):
            faults.append(
                (
                    f"connection.{key}",
                    shown_secret_name(name),
                    "name an environment variable that is set, never the secret",
                )
            )
    return faults


def _folder(config: TradingConfig) -> list[Fault]:
    folder = Path(config.logging.dir)
    if folder.is_symlink():
        return [("logging.dir", str(folder), "name a real folder, not a link")]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, probe = tempfile.mkstemp(dir=folder, prefix=".probe.")
        os.close(handle)
        Path(probe).unlink()
        free = shutil.disk_usage(folder).free
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        return [("logging.dir", str(folder), f"it must be a folder that can be written ({error.strerror})")]
    if (kind := file_system(folder)).startswith(_NETWORK):
        fix = "a journal needs the locks and syncs of a local disk: name a folder on one"
        return [("logging.dir", f"{folder} on {kind}", fix)]
    if mode & stat.S_IWOTH:
        return [("logging.dir", f"{folder} with mode {mode:04o}", "anybody could replace the journal: chmod 700")]
    least = config.logging.min_free_bytes
    if free < least:
        return [("logging.min_free_bytes", f"{free} free", f"free {least} bytes in {folder}, or ask for less")]
    return []


def file_system(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The type of the file system that a folder lies on.

    Parameters
    ----------
    folder : Path
        Exists.
    mounts : Path, optional
        The kernel's list of mounts, proc(5).

    Returns
    -------
    kind : str
        ``ext4``, ``nfs4``; empty where the kernel does not tell.
    """
    place, found, kind = folder.resolve(), Path("/"), ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = Path(before.split()[4].replace("\\040", " "))
        if place.is_relative_to(mount) and mount.is_relative_to(found):  # of two on one place the later one is seen
            found, kind = mount, after.split()[0]
    return kind

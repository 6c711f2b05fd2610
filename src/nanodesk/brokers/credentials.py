"""Secrets: where they may come from, and what may never happen to them.

A secret is read from the keyring of the system, from a file that only its owner can read, or from the
environment; never from a command line and never from a configuration file, which only names it. Once read it
is a :class:`Secret`, which shows itself to nobody who does not ask by name.
"""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, final

from nanodesk.errors import ConfigError, MissingExtraError

MAX_SECRET_BYTES = 16_384
"""A PEM key with its certificates is far below; past it the file is not a secret."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@final
class Secret:
    """A value that is not printed, formatted, logged, serialised or pickled.

    Parameters
    ----------
    value : str
        The secret itself; not empty.
    name : str, default "secret"
        What it is called in messages.

    Raises
    ------
    ConfigError
        If the value is empty.

    Examples
    --------
    >>> key = Secret("s3cr3t", name="BINANCE_API_KEY")
    >>> print(key), f"{key}", key.reveal()
    <BINANCE_API_KEY: hidden>
    (None, '<BINANCE_API_KEY: hidden>', 's3cr3t')
    """

    __slots__ = ("_name", "_value")

    def __init__(self, value: str, *, name: str = "secret") -> None:
        if not value:
            raise ConfigError(f"{name} is empty.")
        self._value = value
        self._name = name

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    def reveal(self) -> str:
        """The value itself, for the one place that signs or sends it.

        Returns
        -------
        value : str
            In clear.
        """
        return self._value

    def __repr__(self) -> str:
        return f"<{self._name}: hidden>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._name))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{self._name} is a secret and is not pickled or copied into a process.")


def as_secret(value: Secret | str, *, name: str) -> Secret:
    """A secret from what a caller holds.

    Parameters
    ----------
    value : Secret or str
        The secret.
    name : str
        What it is called in messages.

    Returns
    -------
    secret : Secret
        Hidden from now on.
    """
    return value if isinstance(value, Secret) else Secret(value, name=name)


def read_secret_file(path: Path, *, name: str) -> Secret:
    """A secret from a file that nobody else can read.

    Parameters
    ----------
    path : Path
        A regular file of at most 16 KiB, owned by the caller, mode 0600 or stricter, no symbolic link.
    name : str
        What it is called in messages.

    Returns
    -------
    secret : Secret
        Its text without white space at the ends.

    Raises
    ------
    ConfigError
        If the file is missing, a link, of another owner, open to others, too long or no UTF-8 text.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"{name}: {path} cannot be read ({error.strerror}); links are refused.") from error
    try:
        _check_private(os.fstat(descriptor), path, name)
        raw = os.read(descriptor, MAX_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(raw) > MAX_SECRET_BYTES:
        raise ConfigError(f"{name}: {path} is longer than {MAX_SECRET_BYTES} bytes.")
    try:
        return Secret(raw.decode().strip(), name=name)
    except UnicodeDecodeError:
        # "from None": the cause would carry the bytes.
        raise ConfigError(f"{name}: {path} is no UTF-8 text.") from None


def _check_private(facts: os.stat_result, path: Path, name: str) -> None:
    """Refuse a file that somebody else could have written or can read."""
    if not stat.S_ISREG(facts.st_mode):
        raise ConfigError(f"{name}: {path} is no regular file.")
    if facts.st_uid != os.geteuid():
        raise ConfigError(f"{name}: {path} belongs to another user.")
    if facts.st_mode & _OTHERS:
        mode = stat.S_IMODE(facts.st_mode)
        raise ConfigError(f"{name}: {path} has mode {mode:04o} and is open to others. Use chmod 600.")


def _from_keyring(service: str, name: str) -> str | None:
    """The value in the system's keyring; ``None`` where it has none."""
    try:
        import keyring
    except ImportError as error:
        raise MissingExtraError("keyring is not installed.", fix="pip install nanodesk[live]") from error
    try:
        return keyring.get_password(service, name)
    except Exception as error:  # noqa: BLE001  a backend is anybody's code; without a desktop it only fails
        raise ConfigError(f"this machine has no keyring that works ({type(error).__name__})") from None


def load_secret(
    name: str,
    *,
    keyring_service: str | None = None,
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    keyring_lookup: Callable[[str, str], str | None] = _from_keyring,
) -> Secret:
    """The first of keyring, file and environment that holds a secret.

    Parameters
    ----------
    name : str
        Name of the secret: user name in the keyring, variable in the environment.
    keyring_service : str, optional
        Service to look under in the keyring; not asked without it.
    path : Path, optional
        File to read; when given and unsafe this is an error, never a reason to look further.
    environ : mapping of str to str, optional
        Environment of the process, read by the caller.
    keyring_lookup : callable, optional
        Answers ``(service, name)``; the system's keyring by default.

    Returns
    -------
    secret : Secret
        The value, hidden.

    Raises
    ------
    ConfigError
        If no source holds it; the message names all that were asked.

    Examples
    --------
    >>> load_secret("API_KEY", environ={"API_KEY": "abc"})
    <API_KEY: hidden>
    """
    asked = []
    if keyring_service is not None:
        place = f"keyring service {keyring_service!r}"
        try:
            value = keyring_lookup(keyring_service, name)
        except (ConfigError, MissingExtraError) as error:
            value, place = None, f"{place} ({str(error).rstrip('.')})"
        asked.append(place)
        if value:
            return Secret(value, name=name)
    if path is not None:
        return read_secret_file(path, name=name)
    if environ is not None:
        asked.append("the environment")
        value = environ.get(name)
        if value:
            return Secret(value, name=name)
    where = " and ".join(asked) or "nowhere, as no source was named"
    raise ConfigError(
        f"secret {name} was not found; looked in {where}. Put it in the keyring, in a file of mode 0600, or export it."
    )

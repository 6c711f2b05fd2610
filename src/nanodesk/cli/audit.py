"""``nanodesk audit``: check a journal or its export byte by byte, write the export, read it back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanodesk.cli.options import AsJson
from nanodesk.cli.orders import DEFAULT, JournalPath
from nanodesk.cli.output import note, print_json

if TYPE_CHECKING:
    from nanodesk.oms.journal import JournalCheck

audit = typer.Typer(
    help="Check, export and restore the journal of orders.", no_args_is_help=True, rich_markup_mode=None
)

_SQLITE = b"SQLite format 3\x00"


@audit.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A journal, or an export of one.")] = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Check every byte of a journal or of an export; exit code 5 if one is not as it was written.

    Example: nanodesk audit verify audit.jsonl
    """
    from nanodesk.oms.audit import verify_audit
    from nanodesk.oms.journal import Journal

    if is_export(file):
        check = verify_audit(file)
    else:
        with Journal.open(file, read_only=True) as journal:
            check = journal.verify()
    _tell(file, check, as_json=as_json)


@audit.command("export")
def export(
    journal: JournalPath = DEFAULT,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write.")] = Path("audit.jsonl"),
    as_json: AsJson = False,
) -> None:
    """Write the journal as JSON lines; the same journal gives the same bytes.

    Of a damaged journal the sound part is written, and the exit code is 5.

    Example: nanodesk audit export --journal logs/orders.db --out audit.jsonl
    """
    from nanodesk.errors import JournalDamagedError
    from nanodesk.oms.audit import export_audit, salvage_audit
    from nanodesk.oms.journal import Journal

    try:
        with Journal.open(journal, read_only=True) as source:
            check = export_audit(source, out)
    except JournalDamagedError as error:
        saved = salvage_audit(journal, out)
        note(f"{out}: the first {saved.events} events were saved")
        raise error
    _tell(out, check, as_json=as_json)


@audit.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export.")],
    journal: Annotated[Path, typer.Option("--journal", help="The journal to make; must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Make a journal from an export, with the same chain; of a damaged export the sound part is taken.

    Example: nanodesk audit restore audit.jsonl --journal restored.db
    """
    from nanodesk.oms.audit import import_audit

    _tell(journal, import_audit(file, journal), as_json=as_json)


def is_export(path: Path) -> bool:
    """Whether a file is an export rather than a journal.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    is_export : bool
        ``True`` if it begins like a line of JSON.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError:
        return False
    return start[:1] == b"{" or (path.suffix == ".jsonl" and start != _SQLITE)


def _tell(path: Path, check: JournalCheck, *, as_json: bool) -> None:
    if as_json:
        values = {"schema": "nanodesk.audit-check/1", "file": str(path), "events": check.events}
        print_json(values | {"head_hash": check.head_hash})
    else:
        sys.stdout.write(f"{path}: {check.events} events, sound; last hash {check.head_hash}\n")

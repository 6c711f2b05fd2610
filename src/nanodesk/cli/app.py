"""The ``nanodesk`` command: its subcommands, and the one place where errors become exit codes.

Only light modules are imported here and in the command files, so that ``nanodesk --help`` answers at once; what a
command needs is imported when it runs.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from nanodesk.cli import (
    audit,
    check,
    config,
    demo,
    diff,
    factors,
    ingest,
    lob,
    orders,
    rebalance,
    report,
    run,
    sweep,
    trade,
    venue,
    version,
)
from nanodesk.cli.exit_codes import BROKER, DATA, DONE, FAILED, INTERRUPTED, REFUSED_BY_RISK, USAGE
from nanodesk.cli.log_lines import log_lines
from nanodesk.cli.output import prepare_streams, print_error
from nanodesk.errors import (
    BrokerError,
    ConfigError,
    DataError,
    JournalDamagedError,
    NanodeskError,
    PriceError,
    ReplayError,
    RiskLimitBreached,
    StalePlanError,
    ValidationError,
)

_SIGNALLED = 128  # added to the number of a signal, as shells do

_NO_TELEMETRY = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}

app = typer.Typer(
    name="nanodesk",
    help="From one strategy file to a backtest, a report and a target.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("trade")(trade.trade)
app.command("check")(check.check)
app.command("factors")(factors.factors)
app.command("sweep")(sweep.sweep)
app.command("report")(report.report)
app.command("diff")(diff.diff)
app.command("ingest")(ingest.ingest)
app.command("lob")(lob.lob)
app.command("venue")(venue.venue)
app.command("orders")(orders.orders)
app.add_typer(audit.audit, name="audit")
app.add_typer(rebalance.rebalance, name="rebalance")
app.add_typer(config.config, name="config")
app.command("version")(version.version)


@app.callback()
def _options(
    _debug: Annotated[bool, typer.Option("--debug", help="Show what is logged, and an error's traceback.")] = False,
) -> None:
    """From one strategy file to a backtest, a report and a target."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; by default those of the process.

    Raises
    ------
    SystemExit
        Always: 0 done, 1 failed, 2 usage or configuration, 3 refused by risk, 4 broker, 5 data, 6 drift.
    """
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which nohup asked for
        signal.signal(signal.SIGHUP, _terminate)
    sys.exit(run_command(sys.argv[1:] if arguments is None else list(arguments)))


def _terminate(number: int, _frame: object) -> None:
    # An exception, so that temporary files are removed on the way out.
    sys.exit(_SIGNALLED + number)


def main_lob() -> None:
    """Run ``nanodesk lob`` under its own name.

    Raises
    ------
    SystemExit
        Always, as ``main``.
    """
    main(["lob", *sys.argv[1:]])


def main_rebalancer() -> None:
    """Run ``nanodesk rebalance`` under its own name.

    Raises
    ------
    SystemExit
        Always, as ``main``.
    """
    main(["rebalance", *sys.argv[1:]])


def run_command(arguments: list[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : list of str
        Without the program's name.

    Returns
    -------
    code : int
        The exit code.
    """
    os.environ.update(_NO_TELEMETRY)
    prepare_streams()
    debug, as_json = "--debug" in arguments, "--json" in arguments
    try:
        # --debug is taken wherever it stands.
        with log_lines(debug=debug):
            code = app([word for word in arguments if word != "--debug"], prog_name="nanodesk", standalone_mode=False)
        sys.stdout.flush()
    except typer.Exit as leave:
        return leave.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except (BrokenPipeError, SystemExit) as leave:
        # The parser behind typer turns the first into the second.
        if not isinstance(leave, BrokenPipeError) and not isinstance(leave.__context__, BrokenPipeError):
            raise
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  the reader has gone; nothing is left to flush
        return DONE
    except NanodeskError as error:
        if debug:
            raise
        code = exit_code(error)
        print_error(str(error), getattr(error, "problems", ()), code, as_json=as_json, kind=type(error).__name__)
        return code
    except OSError as error:
        if debug:
            raise
        if error.filename is None:  # what failed is standard output: a full disk behind it
            as_json, sys.stdout = False, open(os.devnull, "w")  # noqa: SIM115, PTH123  as above
        place = error.filename or "the output cannot be written"
        print_error(f"{place}: {error.strerror or error}", [], FAILED, as_json=as_json, kind="OSError")
        return FAILED
    except Exception as error:
        if debug:
            raise
        code = _usage_code(error)
        if code is None:
            raise
        print_error(_usage_text(error), [], code, as_json=as_json, kind="UsageError")
        return code
    if code == INTERRUPTED:  # which the parser behind typer returns, where it does not raise
        print_error("interrupted", [], INTERRUPTED, as_json=as_json, kind="KeyboardInterrupt")
    return code if isinstance(code, int) else DONE


def exit_code(error: NanodeskError) -> int:
    """The exit code of an error.

    Parameters
    ----------
    error : NanodeskError
        What a command raised.

    Returns
    -------
    code : int
        2 for what the user wrote, 3 for what risk refused, 4 for broker and network, 5 for data, 1 for the rest.
    """
    if isinstance(error, ConfigError):
        return USAGE
    if isinstance(error, RiskLimitBreached):
        return REFUSED_BY_RISK
    if isinstance(error, BrokerError):
        return BROKER
    if isinstance(error, (DataError, JournalDamagedError, PriceError, ReplayError, StalePlanError)):
        return DATA
    return USAGE if isinstance(error, ValidationError) else FAILED


def _usage_code(error: Exception) -> int | None:
    # The parser behind typer has its own exceptions; they carry the code that a usage error must have.
    return getattr(error, "exit_code", None)


def _usage_text(error: Exception) -> str:
    describe = getattr(error, "format_message", None)
    context = getattr(error, "ctx", None)
    text = describe() if describe is not None else str(error)
    command = context.command_path if context is not None else "nanodesk"
    if type(error).__name__ == "NoArgsIsHelpError":
        example = ", for example `nanodesk demo`" if command == "nanodesk" else f" of `{command}`"
        return f"name a command{example}.\n{error}"
    return f"{text}\nTry '{command} --help'."


if __name__ == "__main__":
    main()

"""The entry point: find the verb's file, run it, say errors in one sentence."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from acclimate import __version__
from acclimate.cli._terminal import UNBOUNDED, columns_of, wrapped
from acclimate.core.errors import AcclimateError, UnknownNameError

INTERRUPTED = 130
"""What a shell expects after Ctrl-C."""

FAILED = 1
"""A disk or a device that failed where nobody knew a better sentence."""

EXIT_CODES = "exit codes: 0 done, 1 failed, 2 usage or data, 3 a limit or gate not met"


def main(argv: Sequence[str] | None = None) -> None:
    """Run `acclimate VERB …` and leave with its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        sys.exit(_run(given))
    except AcclimateError as error:
        _complain(f"error: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _complain("stopped; the same command goes on from here")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = error.filename or "the output"
        _complain(f"error: {where}: {error.strerror or error}")
        sys.exit(FAILED)


def _complain(text: str) -> None:
    print(wrapped(text, sys.stderr), file=sys.stderr)  # noqa: T201


def verbs() -> dict[str, str]:
    """Every verb with its summary: the files beside this one and their first lines."""
    summaries = {}
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        if path.stem != "main":
            with path.open(encoding="utf-8") as file:
                summaries[path.stem] = file.readline().strip().strip('"')
    return summaries


def _run(argv: list[str]) -> int:
    known = verbs()
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(wrapped(_help(known), sys.stdout, hanging=_width(known)))  # noqa: T201
        return 0
    if argv[0] in {"-V", "--version"}:
        print(f"acclimate {__version__}")  # noqa: T201
        return 0
    if argv[0] not in known:
        raise UnknownNameError("verb", argv[0], known)
    import typer

    is_wrapped = all(columns_of(stream) for stream in (sys.stdout, sys.stderr))
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if is_wrapped else None,
        context_settings={} if is_wrapped else {"terminal_width": UNBOUNDED},
    )
    app.command(epilog=EXIT_CODES)(import_module(f"acclimate.cli.{argv[0]}").run)
    try:
        app(argv[1:], prog_name=f"acclimate {argv[0]}")
    except SystemExit as left:
        # Ctrl-C and a closed pipe are told by `main`, not by the library's exit codes.
        if left.code == INTERRUPTED:
            raise KeyboardInterrupt from None
        if isinstance(left.__context__, BrokenPipeError):
            raise left.__context__ from None
        raise
    return 0


def _width(known: dict[str, str]) -> int:
    """Of the column of verbs, with what stands before and after."""
    return max(map(len, known)) + 4


def _help(known: dict[str, str]) -> str:
    lines = [f"  {name:<{_width(known) - 2}}{summary}" for name, summary in known.items()]
    return "\n".join(
        [
            "Every way to adapt a language model to a domain, measured on one locked test.",
            "",
            "usage: acclimate VERB …      (acclimate VERB --help tells more)",
            "",
            *lines,
            "",
            EXIT_CODES,
        ]
    )


if __name__ == "__main__":  # what torchrun starts: -m acclimate.cli.main
    main()

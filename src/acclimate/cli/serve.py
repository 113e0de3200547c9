"""Serve a study's pick, a saved model or a base behind OpenAI's API."""

import ipaddress
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from acclimate.cli._key_value_args import fields_of
from acclimate.cli._run_study import study_folder
from acclimate.cli._terminal import echo
from acclimate.core.errors import ConfigError
from acclimate.core.validation_messages import sentence

if TYPE_CHECKING:
    from acclimate.server.limits import Limits

KEY_VARIABLE = "ACCLIMATE_API_KEY"
FEEDBACK = "feedback.sqlite"

What = Annotated[
    str, typer.Argument(help="A study's folder, a saved model's, or a base: folder or name.")
]
SettingsArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Limits as key=value: max_new_tokens=512 request_seconds=60 …"),
]
Port = Annotated[int, typer.Option(help="Of TCP.", min=1, max=65535)]
Host = Annotated[str, typer.Option(help="Address to listen at; any but loopback needs a key.")]
Name = Annotated[str, typer.Option(help="What clients call the system; the folder's name.")]
Adapters = Annotated[
    list[str] | None, typer.Option(help="NAME=FOLDER, served as SYSTEM:NAME; may be repeated.")
]
ApiKeys = Annotated[
    list[str] | None,
    typer.Option(
        help="What clients must show: a key, or its salted hash; may be repeated.",
        envvar=KEY_VARIABLE,
        show_default=False,
    ),
]
Feedback = Annotated[
    Path | None, typer.Option(help="Where votes and corrections go (SQLite); beside the study.")
]


def run(  # noqa: PLR0913  (a verb's options are its parameters)
    what: What,
    settings: SettingsArgument = None,
    port: Port = 8000,
    host: Host = "127.0.0.1",
    name: Name = "",
    adapter: Adapters = None,
    api_key: ApiKeys = None,
    feedback: Feedback = None,
) -> None:
    """Serve until told to stop; what was begun by then is finished."""
    keys = api_key or []
    require_key(host, keys)
    require_port(host, port)
    from acclimate.cli._served_systems import served, stale_notes
    from acclimate.server.app import app_of
    from acclimate.server.hosts import HostGuard
    from acclimate.server.http_server import Server
    from acclimate.server.workers.process_pool import ProcessPool
    from acclimate.server.workers.process_setup import interrupt_nobody

    limits = _limits(settings or [])
    interrupt_nobody()
    workers = ProcessPool(partial(served, what, name=name, adapters=adapter or []), limits)
    try:
        loaded = workers.loaded
        beside = Path(what) if loaded.report else study_folder(workers.names[0])
        feedback_file = feedback or beside / FEEDBACK
        study: dict[str, Any] = {"report": loaded.report, "tasks": loaded.tasks}
        app = app_of(workers, limits, keys=keys, feedback=feedback_file, **study)
        shown = f"[{host}]" if ":" in host else host
        if not keys:
            app.add_middleware(HostGuard, names=[shown])
        for note in stale_notes(what):
            echo(note)
        echo(f"serving {', '.join(workers.names)}: http://{shown}:{port}  (Ctrl-C stops)")
        Server(app, host=host, port=port).run()
    finally:
        workers.close()


def _limits(settings: list[str]) -> "Limits":
    from acclimate.server.limits import Limits

    try:
        return Limits.model_validate(fields_of(settings))
    except ValidationError as error:
        raise ConfigError(sentence("serve", error, Limits)) from None


def require_key(host: str, keys: list[str]) -> None:
    """Refuse to listen beyond this machine where anybody might ask.

    Raises:
        ConfigError: There is no key.
    """
    if not keys and not _is_loopback(host):
        raise ConfigError(
            f"host {host}: other machines could ask, so it needs a key; give --api-key or "
            f"{KEY_VARIABLE}, or listen at 127.0.0.1"
        )


def require_port(host: str, port: int) -> None:
    """Refuse an address that cannot be listened at, before anything is loaded.

    Raises:
        ConfigError: It is taken, or not this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise ConfigError(
            f"{host}:{port}: cannot listen there ({error.strerror}); give another --port or --host"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

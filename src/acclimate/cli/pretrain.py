"""Train a model from scratch: raw text in, a model that transformers loads out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from acclimate.cli._key_value_args import fields_of
from acclimate.cli._run_pretrain import show_pretrained, spec_of, trained


def run(
    what: Annotated[list[str], typer.Argument(help="A spec (YAML) or text, then key=value.")],
    out: Annotated[Path | None, typer.Option(help="Where everything goes.")] = None,
    probe: Annotated[
        str | None, typer.Option(help="A domain: choices with the right passage, at each look.")
    ] = None,
    find_lr: Annotated[
        bool, typer.Option("--find-lr", help="Only a learning-rate range test.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a file that cannot be read.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Clean, tokenize, train, measure and save; the same command goes on where it was killed."""
    texts = [word for word in what if "=" not in word]
    changed: dict[str, Any] = fields_of([word for word in what if "=" in word])
    spec, name = spec_of(texts, changed)
    folder = out or Path("runs") / name
    result = trained(spec, folder, probe=probe, is_strict=strict, finds_rate=find_lr)
    show_pretrained(result, folder, as_json=as_json)

"""Train a tokenizer on your text, or compare tokenizers on it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich import box
from rich.table import Table
from rich.text import Text

from acclimate.cli._key_value_args import fields_of
from acclimate.cli._progress_bar import progress_shown
from acclimate.cli._raw_texts import raw_texts
from acclimate.cli._terminal import console, echo
from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.validation_messages import sentence
from acclimate.data.tokenizers.fertility import Fertility, fertility
from acclimate.data.tokenizers.settings import PROMISES, TokenizerSettings

ACTIONS = ("train", "compare")


def run(
    action: Annotated[str, typer.Argument(help="train or compare")],
    words: Annotated[
        list[str],
        typer.Argument(
            help="Files and folders of text (Markdown, HTML, JSONL, Parquet, packed or not), or a "
            "corpus that was built; for train also key=value, as kind=byte_bpe vocab_size=8192."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="train: the new tokenizer's folder.")] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", help="compare: folder or hub name; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a tokenizer on raw text, or count the tokens that tokenizers make of it.

    Kinds: byte_bpe, unigram, wordpiece, characters.
    """
    if action not in ACTIONS:
        raise UnknownNameError("action of tokenizer", action, ACTIONS)
    settings = [word for word in words if "=" in word and not Path(word).exists()]
    paths = [Path(word) for word in words if word not in settings]
    if not paths:
        raise ConfigError(f"tokenizer {action}: name at least one file or folder of text")
    with progress_shown():
        if action == "train":
            _train(paths, _settings(settings), out, as_json=as_json)
        else:
            _compare(paths, settings, with_ or [], as_json=as_json)


def _settings(words: list[str]) -> TokenizerSettings:
    try:
        return TokenizerSettings.model_validate(fields_of(words))
    except ValidationError as error:
        raise ConfigError(sentence("tokenizer", error, TokenizerSettings)) from None


def _train(
    paths: list[Path], settings: TokenizerSettings, out: Path | None, *, as_json: bool
) -> None:
    from acclimate.data.tokenizers.round_trip import losses
    from acclimate.data.tokenizers.save import check_free, save_tokenizer
    from acclimate.data.tokenizers.train import train_tokenizer

    if out is None:
        raise ConfigError("tokenizer train: say where it goes, as --out my-tokenizer")
    check_free(out)
    with raw_texts(paths, "train") as texts:
        tokenizer = train_tokenizer(texts, settings)
    with raw_texts(paths, "train") as texts:
        lost = losses(tokenizer, texts)
    save_tokenizer(tokenizer, out)
    if as_json:
        about = {"folder": str(out), **settings.model_dump(), "vocab_size": len(tokenizer)}
        typer.echo(_json({**about, "losses": [loss.model_dump() for loss in lost]}))
        return
    echo(f"{out}: {settings.kind} of {len(tokenizer):,} tokens")
    echo(f"It {PROMISES[settings.kind]}.")
    for loss in lost:
        echo(f"  {loss}", hanging=2)


def _compare(paths: list[Path], settings: list[str], names: list[str], *, as_json: bool) -> None:
    from acclimate.data.tokenizers.save import load_tokenizer

    if settings:
        raise ConfigError(f"{settings[0]}: no such file; compare takes no settings")
    if not names:
        raise ConfigError("tokenizer compare: name a tokenizer, as --with my-tokenizer")
    counted = {}
    for name in dict.fromkeys(names):
        tokenizer = load_tokenizer(name)
        with raw_texts(paths, "test") as texts:
            counted[name] = len(tokenizer), fertility(tokenizer, texts)
    if as_json:
        rows = {n: {"vocab_size": size, **f.model_dump()} for n, (size, f) in counted.items()}
        typer.echo(_json(rows))
    else:
        console().print(_table(counted))


def _table(counted: Mapping[str, tuple[int, Fertility]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("tokenizer", overflow="fold")
    for column in ("vocabulary", "tokens\na word", "bytes\na token"):
        table.add_column(column, justify="right")
    table.add_column("unknown\ntokens", justify="right")
    table.add_column("changed\ntexts", justify="right")
    for name, (size, f) in counted.items():
        measured = (f"{f.tokens_per_word:.3f}", f"{f.bytes_per_token:.3f}")
        shares = (f"{100 * share:.3g} %" for share in (f.unknown_share, f.changed_share))
        table.add_row(Text(name), f"{size:,}", *measured, *shares)
    return table


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)

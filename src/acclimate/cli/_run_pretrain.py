"""A training from scratch as the command line runs and shows it."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from acclimate.cli._progress_bar import progress_shown
from acclimate.cli._terminal import console
from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.progress import notify
from acclimate.core.runtime.silence import silenced
from acclimate.core.validation_messages import sentence

if TYPE_CHECKING:
    from acclimate.pretraining.lr_range_test import RangeTest
    from acclimate.pretraining.prepare_corpus import PreparedText
    from acclimate.pretraining.pretrain import Pretrained, Pretraining
    from acclimate.pretraining.spec import PretrainSpec

SPECS = {".yaml", ".yml"}
SAMPLE_TOKENS = 40
_DROPPED = "dropped.jsonl"
NUM_NAMED = 5
"""Unreadable files that are named; all are counted and listed."""


def spec_of(texts: Sequence[str], changed: dict[str, Any]) -> "tuple[PretrainSpec, str]":
    """The spec that the words of a command line mean, and a name for its folder.

    Raises:
        ConfigError: There is neither spec nor text, or a field is unknown or out of range.
    """
    from acclimate.data.yaml_file import read_mapping
    from acclimate.pretraining.spec import PretrainSpec

    files = [Path(text) for text in texts if Path(text).suffix in SPECS]
    text = [word for word in texts if Path(word) not in files]
    if len(files) > 1 or not (files or text):
        raise ConfigError("pretrain: give one spec (.yaml), or files and folders of text")
    written = read_mapping(files[0], "text: [my-text/]") if files else {}
    owner = str(files[0]) if files else "pretrain"
    fields = _merged(written, {**changed, **({"text": text} if text else {})})
    try:
        spec = PretrainSpec.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(sentence(owner, error, PretrainSpec)) from None
    if not spec.text:
        raise ConfigError(f"{owner}: text is missing; name files or folders to learn from")
    return spec, (files[0] if files else Path(text[0]).resolve()).stem


def trained(
    spec: "PretrainSpec", folder: Path, *, probe: str | None, is_strict: bool, finds_rate: bool
) -> "Pretrained | RangeTest":
    """Prepare the text, check that the training fits, and run it (or the range test)."""
    from acclimate.pretraining.prepare_corpus import prepare_text
    from acclimate.pretraining.pretrain import Pretraining
    from acclimate.pretraining.run_folder import TEXT_FIELDS, claim, refuse_other
    from acclimate.training.distributed import World

    is_main = World.here().is_main
    with progress_shown() if is_main else nullcontext():
        if finds_rate:
            refuse_other(folder, spec, TEXT_FIELDS)
        elif is_main:
            claim(folder, spec)
        text = prepare_text(spec, folder, is_strict=is_strict)
        _tell(text, folder)
        training = Pretraining(spec, text, folder)
        training.probes = _probes(training, probe) if probe else {}
        if training.objective == "causal" and spec.prompts:
            training.sample = partial(_sample, training)
        notify(f"{training.num_params:,} parameters, {training.arguments.num_steps:,} steps")
        if not training.source().has_dev:
            notify("no dev text as long as a row: nothing watches for learning by heart")
        _require_room(training)
        return training.range_test() if finds_rate else training.run()


def show_pretrained(result: "Pretrained | RangeTest", folder: Path, *, as_json: bool) -> None:
    """Print what came out, a line each or as JSON; under torchrun once."""
    from acclimate.pretraining.lr_range_test import RangeTest
    from acclimate.training.distributed import World

    if not World.here().is_main:
        return
    if as_json:
        sys.stdout.write(result.model_dump_json(indent=2) + "\n")
        return
    out = console()
    for name, value in result.model_dump().items():
        if isinstance(value, int | float):
            shown = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
            out.print(f"{name.replace('_', ' ')}: {shown}")
    if not isinstance(result, RangeTest):
        out.print(f"model: {folder / 'model'}", soft_wrap=True, markup=False)


def _tell(text: "PreparedText", folder: Path) -> None:
    """What became of the text: what was left out, and how much there is."""
    summary = text.summary
    for reason in summary.unreadable[:NUM_NAMED]:
        notify(f"skipped: {reason}")
    if summary.unreadable:
        count = len(summary.unreadable)
        notify(f"{count:,} files could not be read; {folder / 'corpus' / _DROPPED} lists all")
    if summary.dropped:
        why = ", ".join(f"{rule} {count:,}" for rule, count in summary.dropped.items())
        notify(f"{sum(summary.dropped.values()):,} documents dropped ({why})")
    for split, shards in text.shards.items():
        notify(f"{split}: {len(shards):,} tokens, {shards.num_bytes / 1e6:,.1f} MB")


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, `above` going before; maps are merged, all else is replaced."""
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        both = isinstance(value, dict) and isinstance(under, dict)
        merged[name] = _merged(under, value) if both and under else value
    return merged


def _probes(training: "Pretraining", probe: str) -> dict[str, Any]:
    from acclimate.evaluation.in_context_probe import in_context_accuracy
    from acclimate.inference.local_model import LocalModel
    from acclimate.study.spec import make_spec

    domain = make_spec({"domain": probe}, "--probe").domain_source().load()

    def measured(network: Any) -> float:
        accuracy = in_context_accuracy(LocalModel(network, training.text.tokenizer), domain)
        if accuracy is None:
            raise ConfigError(f"--probe {probe}: has no dev item with choices and a passage")
        return accuracy

    return {"in_context_accuracy": measured}


def _sample(training: "Pretraining", network: Any) -> str:
    """The spec's prompts continued."""
    from acclimate.inference.local_model import LocalModel

    prompts, window = training.spec.prompts, training.spec.model.max_seq_len
    questions = [Prompt(question=prompt, template="{{ question }}") for prompt in prompts]
    sampling = Sampling(max_new_tokens=min(SAMPLE_TOKENS, window // 2))
    with silenced():
        answers = LocalModel(network, training.text.tokenizer).generate(questions, sampling)
    return "\n".join(f"  {p} {a.text}" for p, a in zip(prompts, answers, strict=True))


def _require_room(training: "Pretraining") -> None:
    """Refuse what will not fit, with the estimate, before the network is made."""
    from acclimate.planning.flops import NetworkShape
    from acclimate.planning.memory import (
        activation_bytes,
        load_bytes,
        require_room_for,
        train_bytes,
    )

    config, spec, count = training.outline.config, training.spec, training.num_params
    shape = NetworkShape(
        num_params=count,
        num_layers=config.num_hidden_layers,
        embed_dim=config.hidden_size,
        num_heads=config.num_attention_heads,
        vocab_size=1,  # logits are never kept whole
    )
    rows = min(spec.batch_size, training.source().rows_a_pass)
    activations = activation_bytes(shape, spec.window_tokens, rows)
    mine = training.num_params_here
    needed = max(load_bytes(count), train_bytes(mine, mine, activations))
    what = f"training {count:,} parameters on {rows} rows a pass"
    require_room_for(needed, what, training.free_bytes)

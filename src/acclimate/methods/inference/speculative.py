"""Speculative decoding: draft several tokens and verify them in one pass."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from acclimate.core.domain import TrainData
from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.method import CompositeMethod, MemberSpec
from acclimate.core.model import Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.core.runtime.fit_log import log_value
from acclimate.core.storage.saved_model import MODEL_FILE, load_model
from acclimate.ensembles.members import Member, build_member_specs
from acclimate.inference.engine.draft_length import DraftStats, Speculation
from acclimate.inference.local_model import LocalModel
from acclimate.inference.sampling.speculative_acceptance import StepTimes, overall_gain
from acclimate.inference.speculative.speculative_model import SpeculativeModel, drafter_of
from acclimate.inference.speculative.timing import measure_step_times

Ask = tuple[Prompt, Sampling]
"""A prompt, and its sampling."""
MOST_TOKENS = 32
"""Drafted before a pass at most: longer drafts are seldom right to their end."""
TRIAL_TOKENS = 8
"""Drafted before each pass on dev, where no number is given."""
TRIAL_PROMPTS = 32
"""Dev questions that are answered to measure the acceptance rate."""
LEAST_GAIN = 1.05
"""The least gain that timing can measure; below it, drafting is off."""
TRIAL_PACE = StepTimes(0.0, ((1, 1.0),))
"""As if drafting and reading cost nothing, so that nothing is left out of the trial."""


class Speculative(CompositeMethod):
    """Speculative sampling (Leviathan et al. 2023; Chen et al. 2023), by look-up or a draft model.

    Tokens are drafted by prompt lookup (Saxena 2023), which is strong where answers repeat what
    retrieval found, or by a smaller model. Answers are the same when greedy or looked up, and of
    the same distribution when drawn otherwise. Where drafting does not pay by what was measured on
    dev, the base comes back as it is; a row whose drafts are rejected stops drafting.

    Differs: a pass over many tokens is not taken to be as fast as one over one token; how many to
    draft is chosen by passes as they were timed.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2211.17192"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})

    draft: Member | None = None
    """The draft model: `{name: huggingface, path: folder}`, methods on the base, or a folder with a
    model that acclimate saved; its vocabulary must be the base's. None: prompt lookup, which costs
    next to nothing."""
    num_draft_tokens: int = Field(default=0, ge=0)
    """Drafted before a pass; 0: as many as pay most, up to 32, by the row's acceptance so far."""
    max_ngram_tokens: int = Field(default=6, ge=1)
    """The longest n-gram that prompt lookup compares; Saxena's 3 took other passages for a
    quotation's more often."""
    min_ngram_tokens: int = Field(default=2, ge=1)
    """The shortest; Saxena's 1 was slower here, as what follows one token is less sure."""

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.min_ngram_tokens > self.max_ngram_tokens:
            raise ConfigError(
                f"min_ngram_tokens={self.min_ngram_tokens} must be at most "
                f"max_ngram_tokens={self.max_ngram_tokens}"
            )
        _ = self.member_specs
        return self

    @property
    def member_specs(self) -> tuple[MemberSpec, ...]:
        """The draft's, where there is one to be made."""
        return () if self.draft is None or self.reads else build_member_specs((self.draft,))

    @property
    def reads(self) -> tuple[str, ...]:
        """The draft's folder, if it is saved."""
        named = self.draft if isinstance(self.draft, str) else ""
        return (named,) if named and (Path(named) / MODEL_FILE).is_file() else ()

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Measure on dev how many drafted tokens are accepted and how long passes take.

        Raises:
            NotApplicableError: The base is no local decoder, the draft has another vocabulary, or
                there are no dev items.
        """
        unwrapped = unwrap(base)
        core = _decoder(unwrapped.core, "the base")
        saved = [load_model(Path(folder)) for folder in self.reads]
        draft = next((_draft(unwrap(m).core, core) for m in (*saved, *members)), None)
        speculation = self._measured(core, draft, _dev_prompts(data, unwrapped))
        if not _paying(speculation):
            return base
        return unwrapped.rewrap(SpeculativeModel(core, speculation, draft))

    def _measured(
        self, core: LocalModel, draft: LocalModel | None, dev_prompts: Sequence[Ask]
    ) -> Speculation:
        drafter = drafter_of(draft, (self.max_ngram_tokens, self.min_ngram_tokens))
        given = self.num_draft_tokens
        trial = Speculation(drafter, (given or TRIAL_TOKENS,), 1.0, TRIAL_PACE)
        model = SpeculativeModel(core, trial, draft)
        answers = [model.generate([prompt], sampling)[0] for prompt, sampling in dev_prompts]
        contexts = sorted((core.encode(prompt)[0] for prompt, _ in dev_prompts), key=len)
        usual = contexts[len(contexts) // 2]
        pace = measure_step_times(core, drafter, usual)
        choices = (given,) if given else tuple(range(1, MOST_TOKENS + 1))
        speculation = Speculation(drafter, choices, trial.stats.acceptance, pace)
        # The first token of an answer comes of reading its prompt.
        num_passes = sum(a.num_new_tokens - 1 for a in answers) - trial.stats.num_kept
        _log_measured(speculation, trial.stats, num_passes)
        return speculation


def _paying(speculation: Speculation) -> int:
    """Tokens to draft that pay most for one row; 0 where none gains what timing can measure."""
    num = speculation.best(1)
    return num if speculation.pace.gain(speculation.acceptance, num) >= LEAST_GAIN else 0


def _log_measured(speculation: Speculation, stats: DraftStats, num_passes: int) -> None:
    """Log what was measured, and the gain that follows from it."""
    rate, num = speculation.acceptance, _paying(speculation)
    log_value("acceptance rate on dev, share of guesses", rate)
    log_value("time of a guess, share of a pass over one token", speculation.pace.draft)
    log_value("num_draft_tokens that pays most (0: off)", num)
    shown = num or speculation.choices[0]
    gain = speculation.pace.gain(rate, shown)
    log_value(
        "expected gain of a pass with guesses, were it as fast as one without",
        speculation.gain(shown),
    )
    log_value("expected gain of a pass with guesses, with passes as timed", gain)
    if num_passes > 0:
        log_value("passes on dev with guesses, share", stats.num_passes / num_passes)
        log_value("tokens a pass on dev", 1 + stats.num_kept / num_passes)
        whole = overall_gain(gain, stats.num_kept, stats.num_passes, num_passes)
        log_value("expected gain over all passes, with and without guesses", whole)


def _dev_prompts(data: TrainData, unwrapped: Unwrapped) -> list[Ask]:
    """Dev questions as the network reads them, taken evenly."""
    dev_prompts = [
        (task.prompt(item), Sampling(max_new_tokens=task.max_new_tokens, stop=task.stop))
        for task in data.dev
        for item in task.items
    ]
    if not dev_prompts:
        raise NotApplicableError(
            "speculative measures on dev items whether guessing pays, and there are none; add some"
        )
    chosen = dev_prompts[:: math.ceil(len(dev_prompts) / TRIAL_PROMPTS)]
    rendered = unwrapped.render([prompt for prompt, _ in chosen])
    return [(prompt, sampling) for prompt, (_, sampling) in zip(rendered, chosen, strict=True)]


def _decoder(core: Model, who: str) -> LocalModel:
    if not isinstance(core, LocalModel) or core.is_seq2seq:
        kind = "has an encoder" if isinstance(core, LocalModel) else f"is a {type(core).__name__}"
        raise NotApplicableError(
            f"speculative needs decoders whose weights are here, and {who} {kind}; put the method "
            "right behind those that train, or leave it out"
        )
    return core


def _draft(model: Model, base: LocalModel) -> LocalModel:
    """The draft model, if it is a decoder with the base's vocabulary."""
    draft = _decoder(model, "the draft")
    vocab, base_vocab = (each.tokenizer.get_vocab() for each in (draft, base))
    if vocab != base_vocab:
        raise NotApplicableError(
            f"the draft's vocabulary ({len(vocab):,} tokens) is not the base's "
            f"({len(base_vocab):,}), so that its guesses mean other words; name a smaller model of "
            "the same family, or none"
        )
    return draft

"""Guess several tokens ahead and check them in one pass: the same answers, sooner."""

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
"""A question, and how it is answered."""
MOST_TOKENS = 32
"""Guessed before a pass at most: longer ones are seldom right to their end."""
TRIAL_TOKENS = 8
"""Guessed before each pass on dev, where no number is given."""
TRIAL_PROMPTS = 32
"""Dev questions that are answered to see how many guesses are right."""
LEAST_GAIN = 1.05
"""What timing can tell; with less to be had, guessing is off."""
TRIAL_PACE = StepTimes(0.0, ((1, 1.0),))
"""As if guessing and reading cost nothing, so that nothing is left out of the trial."""


class Speculative(CompositeMethod):
    """Speculative sampling (Leviathan et al. 2023; Chen et al. 2023), by look-up or a draft model.

    Guesses are looked up in the prompt and the answer so far (Saxena 2023), which is strong where
    answers say again what retrieval found, or come from a smaller model. Answers are the same when
    greedy or looked up, and of the same distribution when drawn otherwise. Where guessing does not
    pay by what was measured on dev, the base comes back as it is; a row whose guesses turn out
    wrong stops guessing.

    Differs: a pass over many tokens is not taken to be as fast as one over one token; how many to
    guess is chosen by passes as they were timed.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2211.17192"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})

    draft: Member | None = None
    """What guesses: `{name: huggingface, path: folder}`, methods on the base, or a folder with a
    model that acclimate saved; its vocabulary must be the base's. None: guesses are looked up,
    which costs next to nothing."""
    num_draft_tokens: int = Field(default=0, ge=0)
    """Guessed before a pass; 0: as many as pay most, up to 32, by the row's own guesses so far."""
    max_ngram_tokens: int = Field(default=6, ge=1)
    """The longest end of a row by which places are told apart; Saxena's 3 took other places for a
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
        """Measure on dev how many guesses are right and how long things take.

        Raises:
            NotApplicableError: The base is no local decoder, the draft has another vocabulary, or
                there are no dev items.
        """
        taken = unwrap(base)
        core = _decoder(taken.core, "the base")
        saved = [load_model(Path(folder)) for folder in self.reads]
        draft = next((_draft(unwrap(m).core, core) for m in (*saved, *members)), None)
        how = self._measured(core, draft, _asked(data, taken))
        return taken.rewrap(SpeculativeModel(core, how, draft)) if _paying(how) else base

    def _measured(
        self, core: LocalModel, draft: LocalModel | None, asked: Sequence[Ask]
    ) -> Speculation:
        drafter = drafter_of(draft, (self.max_ngram_tokens, self.min_ngram_tokens))
        given = self.num_draft_tokens
        trial = Speculation(drafter, (given or TRIAL_TOKENS,), 1.0, TRIAL_PACE)
        model = SpeculativeModel(core, trial, draft)
        answers = [model.generate([prompt], sampling)[0] for prompt, sampling in asked]
        contexts = sorted((core.encode(prompt)[0] for prompt, _ in asked), key=len)
        usual = contexts[len(contexts) // 2]
        pace = measure_step_times(core, drafter, usual)
        choices = (given,) if given else tuple(range(1, MOST_TOKENS + 1))
        how = Speculation(drafter, choices, trial.stats.acceptance, pace)
        # The first token of an answer comes of reading its prompt.
        num_passes = sum(a.num_new_tokens - 1 for a in answers) - trial.stats.num_kept
        _tell(how, trial.stats, num_passes)
        return how


def _paying(how: Speculation) -> int:
    """Tokens to guess that pay most for one row; 0 where none gains what timing can tell."""
    num = how.best(1)
    return num if how.pace.gain(how.acceptance, num) >= LEAST_GAIN else 0


def _tell(how: Speculation, tally: DraftStats, num_passes: int) -> None:
    """What was measured, and what it comes to."""
    rate, num = how.acceptance, _paying(how)
    log_value("acceptance rate on dev, share of guesses", rate)
    log_value("time of a guess, share of a pass over one token", how.pace.draft)
    log_value("num_draft_tokens that pays most (0: off)", num)
    shown = num or how.choices[0]
    own = how.pace.gain(rate, shown)
    log_value(
        "expected gain of a pass with guesses, were it as fast as one without", how.gain(shown)
    )
    log_value("expected gain of a pass with guesses, with passes as timed", own)
    if num_passes > 0:
        log_value("passes on dev with guesses, share", tally.num_passes / num_passes)
        log_value("tokens a pass on dev", 1 + tally.num_kept / num_passes)
        whole = overall_gain(own, tally.num_kept, tally.num_passes, num_passes)
        log_value("expected gain over all passes, with and without guesses", whole)


def _asked(data: TrainData, taken: Unwrapped) -> list[Ask]:
    """Dev questions as the network reads them, taken evenly."""
    asked = [
        (task.prompt(item), Sampling(max_new_tokens=task.max_new_tokens, stop=task.stop))
        for task in data.dev
        for item in task.items
    ]
    if not asked:
        raise NotApplicableError(
            "speculative measures on dev items whether guessing pays, and there are none; add some"
        )
    chosen = asked[:: math.ceil(len(asked) / TRIAL_PROMPTS)]
    rendered = taken.render([prompt for prompt, _ in chosen])
    return [(prompt, sampling) for prompt, (_, sampling) in zip(rendered, chosen, strict=True)]


def _decoder(core: Model, who: str) -> LocalModel:
    if not isinstance(core, LocalModel) or core.is_seq2seq:
        kind = "has an encoder" if isinstance(core, LocalModel) else f"is a {type(core).__name__}"
        raise NotApplicableError(
            f"speculative needs decoders whose weights are here, and {who} {kind}; put the method "
            "right behind those that train, or leave it out"
        )
    return core


def _draft(found: Model, core: LocalModel) -> LocalModel:
    draft = _decoder(found, "the draft")
    own, wanted = (model.tokenizer.get_vocab() for model in (draft, core))
    if own != wanted:
        raise NotApplicableError(
            f"the draft's vocabulary ({len(own):,} tokens) is not the base's ({len(wanted):,}), so "
            "that its guesses mean other words; name a smaller model of the same family, or none"
        )
    return draft

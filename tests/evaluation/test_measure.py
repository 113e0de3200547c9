"""Measuring: retrieval beside the answer, prompts as read, and what is no result at all."""

from dataclasses import dataclass

import pytest

from acclimate.core.domain import Item, Task
from acclimate.core.errors import BackendError
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Passage
from acclimate.core.rewriter import PromptRewriter
from acclimate.evaluation.measure import as_read, measure
from acclimate.response_cache.cached_model import CachedModel, CachePolicy
from small_echo import Echo

SOURCED = Task(
    name="say",
    metrics=("exact_match",),
    items=(
        Item(id="1", question="who?", target="a", sources=("d",)),
        Item(id="2", question="where?", target="b", sources=("d",)),
    ),
)
CHOSEN = Task(
    name="pick",
    metrics=("choice_accuracy",),
    items=(Item(id="3", question="which?", target="a", choices=("a", "b")),),
)


@dataclass
class Fake(Model):
    """Cites a passage where the question is in `found`; gives what it is told to."""

    found: tuple = ()
    num_answers: int = 2
    logprob: float = -1.0

    def generate(self, prompts, sampling):
        cited = Passage("d", "t", "x")
        answers = [
            Completion("a", passages=(cited,) if p.question in self.found else ()) for p in prompts
        ]
        return answers[: self.num_answers]

    def loglikelihood(self, pairs):
        return [LogLikelihood(self.logprob, 1, 1) for _ in pairs][: self.num_answers]


def test_a_question_that_nothing_was_found_for_counts_as_missed():
    found = measure(Fake(found=("who?",)), [SOURCED])
    assert found.sources == {"1": ("d",)}
    scores = found.scores["say"]
    assert scores["recall_at_k"] == scores["reciprocal_rank"] == {"1": 1.0, "2": 0.0}


def test_a_model_that_reads_nothing_is_not_scored_on_what_it_found():
    assert set(measure(Fake(), [SOURCED]).scores["say"]) == {"exact_match"}


@pytest.mark.parametrize("task", [SOURCED, CHOSEN])
def test_an_answer_too_few_is_told_in_words(task):
    with pytest.raises(BackendError, match="one for each prompt, in order"):
        measure(Fake(num_answers=1), [task])


def test_a_score_that_is_no_number_is_no_score():
    with pytest.raises(BackendError, match="item '3' of task 'pick': choice_logprob is nan"):
        measure(
            Fake(logprob=float("nan")),
            [CHOSEN.model_copy(update={"metrics": ("choice_logprob",)})],
        )


@dataclass(frozen=True)
class Polite(PromptRewriter):
    """Says a word first."""

    def render(self, prompts):
        return [p.with_parts(question=f"Please: {p.question}") for p in prompts]


def test_prompts_are_shown_as_the_network_reads_them(tiny):
    assert as_read(Polite(tiny), [SOURCED]) == {"say": "Question: Please: who?\nAnswer:"}
    assert as_read(Fake(), [SOURCED]) == {}


def test_answers_of_before_are_neither_given_nor_kept():
    inner = Echo()
    model = CachedModel(inner, CachePolicy(10**6, 1e6, is_sampled_kept=False, is_saved=False))
    items = tuple(Item(id=str(n), question=q, target="so a") for n, q in enumerate("abab"))
    task = Task(name="say", metrics=("exact_match",), items=items)
    model.generate([task.prompt(items[0])], Sampling(max_new_tokens=32, stop=("\n",)))
    inner.asked.clear()
    for _ in range(2):
        result = measure(model, [task], is_timed=True)
        # Each of two questions once, and each timed request for itself, the warm-up too.
        assert inner.asked == [["a", "b"], *[[q] for q in "a" + "aabbaabb"]]
        assert result.cost.new_tokens == 4
        (notes,) = result.notes.values()
        assert notes.facts["answered from the response cache, share of prompts"] == 0.5
        inner.asked.clear()

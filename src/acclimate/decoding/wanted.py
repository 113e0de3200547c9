"""A greedy answer that is wanted of an engine, from its prompt on."""

from queue import SimpleQueue

from acclimate.core.cost import Cost, spend
from acclimate.core.model import Completion, Sampling
from acclimate.core.prompt import Prompt
from acclimate.decoding.ending import Ending
from acclimate.decoding.gathering import Request
from acclimate.decoding.local_model import LocalModel
from acclimate.text.chat import stop_ids


def ends_of(model: LocalModel) -> frozenset[int]:
    """Tokens that end its answers."""
    return stop_ids(model.network, model.tokenizer)


class Wanted:
    """A prompt as the engine is asked it, and its answer."""

    def __init__(
        self,
        model: LocalModel,
        prompt: Prompt,
        sampling: Sampling,
        news: SimpleQueue[int | None] | None = None,
    ) -> None:
        layout, most = model.layout, sampling.max_new_tokens
        self.model = model
        self.shown, context = layout.fitted(prompt, layout.reserve(most))
        self.ending = Ending(model.tokenizer, sampling, ends_of(model))
        self.news = news
        self.is_cancelled = False
        self._written: list[int] = []
        budget = max(1, min(most, model.window - len(context)))
        # Hearing every token costs: only who needs it does.
        listens = bool(sampling.stop) or news is not None
        self.request = Request(context, budget, self._hear if listens else None)

    def _hear(self, token: int) -> bool:
        self._written.append(token)
        if self.news is not None:
            self.news.put(token)
        return self.is_cancelled or self.ending.is_reached(self._written)

    def completion(self) -> Completion:
        """The answer; what it took is counted."""
        read, ids = self.request.context, self.request.answer
        flops = 2.0 * self.model.network.num_parameters() * (len(read) + len(ids))
        spend(Cost(prompt_tokens=len(read), new_tokens=len(ids), flops=flops))
        return Completion(
            text=self.ending.text(ids),
            num_prompt_tokens=len(read),
            num_new_tokens=len(ids),
            is_cut=len(ids) >= self.request.budget and not self.ending.is_reached(ids),
            passages=self.shown.passages,
            prompt=self.model.layout.text(self.shown),
        )

"""Instruction tuning: train a base to answer in a chat and to end its turn."""

from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.method import Method
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import unwrap
from acclimate.data.tokenizers.chat_template import end_of_turn, stop_ids, with_chat_template
from acclimate.nn.adapters.embedding_rows import add_rows
from acclimate.training.finetune import FinetuneSpec, finetune
from acclimate.training.tuning_settings import TrainingSettings


class InstructionTuning(Method):
    """Instruction tuning of all weights: every answer of a dialogue is learned (Wei et al. 2022).

    A base without a chat template gets ChatML. The result reads every prompt as a chat.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2109.01652"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "train_items"})
    is_trained: ClassVar[bool] = True

    learning_rate: float = Field(default=2e-5, gt=0)
    """Peak; 2e-5 is Alpaca's for 7 B; small models take more."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train a copy of all weights on chats.

        Raises:
            NotApplicableError: The base is an encoder-decoder.
        """
        outside = unwrap(base)
        return finetune(
            outside.rewrap(_with_chat_template(outside.core)),
            data,
            FinetuneSpec(lambda core: core),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )


def _with_chat_template(core: Any) -> NeuralModel:
    """A copy with a chat template, ready to learn, that stops where its turn ends."""
    network = core.owned_copy().requires_grad_(True)
    if network.config.is_encoder_decoder:
        raise NotApplicableError(
            "instruction_tuning lays dialogues out for a decoder, which reads and writes one "
            "text; for this encoder-decoder take full_finetuning"
        )
    tokenizer = with_chat_template(core.tokenizer)
    new = range(len(core.tokenizer), len(tokenizer))
    # New tokens start from the base's end of text, so that it knows how to end a turn.
    add_rows(network, new, len(tokenizer), like=tokenizer.eos_token_id)
    end = end_of_turn(tokenizer)
    stops = stop_ids(network, tokenizer) | ({end} if end is not None else set())
    network.generation_config.eos_token_id = sorted(stops)
    chatting: NeuralModel = replace(core.with_network(network), tokenizer=tokenizer)
    return chatting

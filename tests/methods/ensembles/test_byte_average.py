"""Members of other vocabularies and architectures are joined; how they err is told."""

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from acclimate.core.model import Sampling
from acclimate.core.runtime.fit_log import collect_log
from acclimate.evaluation.answers import answers_to, metrics_of
from acclimate.inference.local_model import LocalModel
from acclimate.methods.ensembles.byte_average import ByteAverage, correlation
from acclimate.methods.tuning.full_finetuning import FullFinetuning
from acclimate.models.local.huggingface import HuggingFace

CONTRACT = {
    "max_hypotheses": {"value": 1, "why": "a share of a thousandth keeps fewer than the default"},
}


@pytest.fixture(scope="module")
def other():
    """A Llama with a vocabulary of its own."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(["red green blue seeds frogs snails roots worms"] * 9, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained, eos_token="<end>", model_max_length=256
    )
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=256, eos_token_id=0, bos_token_id=None,
    )  # fmt: skip
    return LocalModel(transformers.LlamaForCausalLM(config).eval().requires_grad_(False), tokenizer)


@pytest.fixture(scope="module")
def members(tiny, other, model_folder, small_data):
    learned = FullFinetuning(learning_rate=3e-3).fit(tiny, small_data, seed=0)
    return learned, other, HuggingFace(path=str(model_folder("t5"))).load()


def test_three_kinds_answer_together_and_their_errors_are_told(members, small_data):
    method = ByteAverage(members=((), "zero_shot", ()))
    with collect_log() as book:
        model = method.fit(members[0], small_data, seed=0, members=members)
    task = small_data.dev[0]
    pairs = [(task.prompt(item), choice) for item in task.items for choice in item.choices]
    found = model.loglikelihood(pairs)
    assert len({w.logprob for w in found}) == len(pairs)
    answers = model.generate([task.prompt(item) for item in task.items], Sampling(max_new_tokens=2))
    assert all(len(a.text.encode()) <= 8 for a in answers)
    scores = np.array([
        [a.score(next(iter(metrics_of(t).values()))) for a in answers_to(m, t, t.items)]
        for m in members for t in small_data.dev
    ]).reshape(3, -1)  # fmt: skip
    assert book.facts["best member on dev, mean score"] == pytest.approx(scores.mean(1).max())
    oracle = book.facts["oracle bound: the right member for every dev item, mean score"]
    assert oracle == pytest.approx(scores.max(0).mean())
    told = [name for name in book.facts if name.startswith("correlation of errors on dev")]
    assert len(told) == 3


def test_only_ratios_of_weights_matter_and_nought_is_not_heard(members, small_data):
    prompts = [small_data.dev[1].prompt(item) for item in small_data.dev[1].items]
    pairs = [(prompt, "seeds") for prompt in prompts]

    def logprobs(*weights):
        method = ByteAverage(members=((), (), ()), weights=weights)
        model = method.fit(members[0], small_data, seed=0, members=members)
        return [w.logprob for w in model.loglikelihood(pairs)]

    twice = [members[0]] * 2
    alone = ByteAverage(members=((), ())).fit(members[0], small_data, seed=0, members=twice)
    expected = [w.logprob for w in alone.loglikelihood(pairs)]
    assert logprobs(3, 0, 0) == pytest.approx(expected, abs=1e-5)
    assert logprobs(1, 2, 1) == pytest.approx(logprobs(10, 20, 10), abs=1e-5)


def test_correlation_of_errors():
    assert correlation([1, 0, 1, 0], [1, 0, 1, 0]) == pytest.approx(1)
    assert correlation([1, 0, 1, 0], [0, 1, 0, 1]) == pytest.approx(-1)
    assert correlation([1, 1, 0, 0], [1, 0, 1, 0]) == pytest.approx(0)
    assert "not defined" in correlation([1, 1], [0, 1])

"""Prefix tuning: PEFT reads what was learned, and every loop of ours answers as PEFT does."""

import copy

import pytest
import torch
from peft import PeftModel

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import unwrap
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.inference.generate import decode
from acclimate.inference.scoring.teacher_forcing import can_share
from acclimate.methods.tuning.lora import LoRA
from acclimate.methods.tuning.prefix_tuning import PrefixTuning
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.tuning_settings import TrainingSettings

LONG = "what is the answer in the passage? " * 3
ITEMS = tuple(
    Item(id=str(i), question=f"{LONG[: 40 + 9 * i]}{i}?", target="the answer" if i % 2 else "no")
    for i in range(8)
)
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))
SHORT = TrainingSettings(num_epochs=4)
METHOD = PrefixTuning(num_virtual_tokens=6, mlp_dim=16, learning_rate=1e-2, training=SHORT)
FIVE = Sampling(max_new_tokens=5)
PROMPTS = [Prompt(question=item.question, item_id=item.id, task="t") for item in ITEMS]

CONTRACT = {
    "training.patience": {
        "value": 1,
        "beside": {"learning_rate": 1e-30},
        "why": "of large ones dev gets better",
    },
}


def of_peft(tuned, folder):
    """PEFT's model of the folder that ours is saved in."""
    core = unwrap(tuned).core
    core.adapter.write(folder)
    return PeftModel.from_pretrained(copy.deepcopy(core.adapter_of.network), folder).eval()


def greedily(network, ids, **fixed):
    """One prompt, one full pass for each of five tokens, no cache."""
    answer = []
    name = "decoder_input_ids" if fixed else "input_ids"
    for _ in range(5):
        rows = torch.tensor([[*ids, *answer]])
        answer.append(int(network(**{name: rows}, **fixed).logits[0, -1].argmax()))
    return answer


def weighed(network, context, continuation):
    """One full pass."""
    logits = network(input_ids=torch.tensor([context + continuation])).logits[0].log_softmax(-1)
    predictors = logits[len(context) - 1 : -1]
    return float(sum(row[token] for row, token in zip(predictors, continuation, strict=True)))


@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt2", "gemma2"])
@torch.no_grad()
def test_answers_and_scores_are_those_of_peft_one_at_a_time(family, model_folder, tmp_path):
    base = HuggingFace(path=str(model_folder(family))).load()
    with torch.enable_grad():
        tuned = METHOD.fit(base, DATA, seed=0)
    theirs = of_peft(tuned, tmp_path)
    contexts = [tuned.encode(prompt)[0] for prompt in PROMPTS]
    answers = decode(tuned.network, contexts, FIVE, is_stop=lambda _: False)
    pairs = [(p, c) for p in PROMPTS for c in ("the answer", "no", "passages are")]
    found = [w.logprob for w in tuned.loglikelihood(pairs)]
    assert answers == [greedily(theirs, ids) for ids in contexts]
    expected = [weighed(theirs, *tuned.encode(*pair)) for pair in pairs]
    assert found == pytest.approx(expected, abs=1e-4)
    assert found != pytest.approx([w.logprob for w in base.loglikelihood(pairs)], abs=1e-2)


@torch.no_grad()
def test_an_encoder_decoder_answers_as_peft_does(model_folder, tmp_path):
    base = HuggingFace(path=str(model_folder("t5"))).load()
    with torch.enable_grad():
        tuned = METHOD.fit(base, DATA, seed=0)
    theirs = of_peft(tuned, tmp_path)
    contexts = [tuned.encode(prompt)[0] for prompt in PROMPTS]
    answers = decode(tuned.network, contexts, FIVE, is_stop=lambda _: False)
    for prompt, context, answer in zip(PROMPTS, contexts, answers, strict=True):
        ids = torch.tensor([context])
        assert answer == greedily(theirs, [1], input_ids=ids)
        (found,) = tuned.loglikelihood([(prompt, "the answer")])
        _, target = tuned.encode(prompt, "the answer")
        rows = torch.tensor([[1, *target[:-1]]])
        logprobs = theirs(input_ids=ids, decoder_input_ids=rows).logits[0].log_softmax(-1)
        assert found.logprob == pytest.approx(
            float(sum(row[token] for row, token in zip(logprobs, target, strict=True))), abs=1e-4
        )


def test_it_learns_and_keeps_no_mlp(tiny):
    longer = TrainingSettings(num_epochs=10, batch_size=2)
    tuned = METHOD.model_copy(update={"training": longer}).fit(tiny, DATA, seed=0)
    own = dict(tuned.network.prefix.state_dict())
    assert list(own) == ["start"]
    assert own["start"].shape == (6, 2 * 2 * 2 * 8)  # 2 layers of 2 key heads of 8
    pair = [(PROMPTS[1], "the answer")]
    assert tuned.loglikelihood(pair)[0].logprob > tiny.loglikelihood(pair)[0].logprob + 1


@pytest.mark.parametrize("mlp_dim", [0, 16])
def test_with_a_text_it_starts_from_the_text(mlp_dim, tiny):
    method = METHOD.model_copy(update={"text": "what is", "mlp_dim": mlp_dim})
    ids = tiny.tokenizer("what is")["input_ids"]
    before = (ids * 6)[:6]
    rows = torch.tensor([[5, 9, 77, 300]])
    with torch.no_grad():
        found = method.with_adapter(tiny, TrainData()).network(input_ids=rows).logits
        whole = torch.tensor([[*before, *rows[0].tolist()]])
        assert torch.allclose(found, tiny.network(input_ids=whole).logits[:, 6:], atol=1e-5)


def test_it_takes_its_room_from_the_window(tiny):
    tuned = METHOD.fit(tiny, DATA, seed=0)
    assert tuned.window == tiny.window - 6
    # As long a prompt as fits is answered, to the last place of the context.
    long = Prompt(question="answer " * 400, task="t")
    ids, _ = tuned.encode(long.with_parts(question="a" * 200))
    assert len(ids) <= 250
    most = tiny.window // 2
    METHOD.model_copy(update={"num_virtual_tokens": most}).with_adapter(tiny, TrainData())
    with pytest.raises(ConfigError, match=f"at most {most}, half of the base's context window"):
        METHOD.model_copy(update={"num_virtual_tokens": most + 1}).fit(tiny, DATA, seed=0)


def test_it_counts_in_a_sliding_window(model_folder):
    base = HuggingFace(path=str(model_folder("mistral"))).load()
    tuned = METHOD.fit(base, DATA, seed=0).network
    assert can_share(base.network, 192)
    assert can_share(tuned, 186)
    assert not can_share(tuned, 187)


def test_a_text_longer_than_the_virtual_tokens_is_refused(tiny):
    method = METHOD.model_copy(update={"text": LONG})
    with pytest.raises(ConfigError, match="must be 1 to num_virtual_tokens=6"):
        method.fit(tiny, DATA, seed=0)


def test_another_method_goes_on_top(tiny, tmp_path):
    first = METHOD.fit(tiny, DATA, seed=0)
    quick = TrainingSettings(num_epochs=1)
    for method in (LoRA(training=quick, learning_rate=1e-2), METHOD):
        both = method.fit(first, DATA, seed=0)
        asked = [(p, "no") for p in PROMPTS]
        assert both.loglikelihood(asked) != first.loglikelihood(asked)
        save_model(both, tmp_path / type(method).__name__)
        again = load_model(tmp_path / type(method).__name__)
        assert again.loglikelihood(asked) == both.loglikelihood(asked)

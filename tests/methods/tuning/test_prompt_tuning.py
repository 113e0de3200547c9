"""Prompt tuning: PEFT reads what was learned, and every loop of ours answers as PEFT does."""

import copy

import pytest
import torch
from peft import PeftModel

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import unwrap
from acclimate.inference.generate import decode
from acclimate.methods.tuning.lora import LoRA
from acclimate.methods.tuning.prompt_tuning import PromptTuning
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.frozen_activation_cache import num_frozen_blocks
from acclimate.training.tuning_settings import TrainingSettings

LONG = "what is the answer in the passage? " * 3
ITEMS = tuple(
    Item(id=str(i), question=f"{LONG[: 40 + 9 * i]}{i}?", target="the answer" if i % 2 else "no")
    for i in range(8)
)
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))
METHOD = PromptTuning(num_virtual_tokens=6, training=TrainingSettings(num_epochs=4))
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
    predictors = logits[-len(continuation) - 1 : -1]
    return float(sum(row[token] for row, token in zip(predictors, continuation, strict=True)))


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
@torch.no_grad()
def test_answers_and_scores_are_those_of_peft_one_at_a_time(family, model_folder, tmp_path):
    base = HuggingFace(path=str(model_folder(family))).load()
    with torch.enable_grad():
        tuned = METHOD.fit(base, DATA, seed=0)
    theirs = of_peft(tuned, tmp_path)
    contexts = [tuned.encode(prompt)[0] for prompt in PROMPTS]
    answers = decode(tuned.network, contexts, FIVE, is_stop=lambda _: False)
    assert answers == [greedily(theirs, ids) for ids in contexts]
    pairs = [(p, c) for p in PROMPTS for c in ("the answer", "no", "passages are")]
    found = [w.logprob for w in tuned.loglikelihood(pairs)]
    assert found == pytest.approx([weighed(theirs, *tuned.encode(*p)) for p in pairs], abs=1e-4)


@torch.no_grad()
def test_an_encoder_decoder_reads_them_in_its_encoder_as_in_peft(model_folder, tmp_path):
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


def test_it_begins_with_tokens_of_the_vocabulary_or_of_a_text(tiny):
    table = tiny.network.get_input_embeddings().weight
    begun = METHOD.with_adapter(tiny, TrainData()).network.prefix.weight
    assert all(bool((row == table).all(dim=1).any()) for row in begun)
    method = METHOD.model_copy(update={"text": "what is"})
    ids = (tiny.tokenizer("what is")["input_ids"] * 6)[:6]
    assert torch.equal(method.with_adapter(tiny, TrainData()).network.prefix.weight, table[ids])
    with pytest.raises(ConfigError, match="must be 1 to num_virtual_tokens=6"):
        METHOD.model_copy(update={"text": LONG}).fit(tiny, DATA, seed=0)


def test_it_learns_and_only_the_tokens_move(tiny):
    before = [p.clone() for p in tiny.network.parameters()]
    tuned = METHOD.fit(tiny, DATA, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, tiny.network.parameters(), strict=True))
    pair = [(PROMPTS[1], "the answer")]
    assert tuned.loglikelihood(pair)[0].logprob > tiny.loglikelihood(pair)[0].logprob + 0.5


def test_it_takes_its_room_from_the_window(tiny):
    assert METHOD.fit(tiny, DATA, seed=0).window == tiny.window - 6
    with pytest.raises(ConfigError, match="num_virtual_tokens=129: at most 128"):
        METHOD.model_copy(update={"num_virtual_tokens": 129}).fit(tiny, DATA, seed=0)


def test_what_is_tuned_on_top_changes_how_the_tokens_are_read(tiny):
    first = METHOD.fit(tiny, DATA, seed=0)
    first.loglikelihood([(PROMPTS[0], "no")])
    quick = TrainingSettings(num_epochs=1)
    upper = ("1.self_attn.v_proj", "1.mlp.up_proj")
    method = LoRA(training=quick, learning_rate=1e-2, target_modules=upper)
    # What frozen blocks give must not be kept: the virtual tokens go through them as well.
    assert num_frozen_blocks(method.with_adapter(first, TrainData()).network) == 0
    both = method.fit(first, DATA, seed=0)
    # PEFT's update merged into the base, with the virtual tokens before it: one pass, no cache.
    prefixed = both.adapter.merged()
    context, answer = both.encode(PROMPTS[0], "no")
    embed = prefixed.network.get_input_embeddings()(torch.tensor([context + answer]))
    whole = torch.cat([prefixed.prefix.weight[None], embed], 1)
    logprobs = prefixed.network(inputs_embeds=whole).logits[0].log_softmax(-1)
    expected = sum(logprobs[-len(answer) - 1 + i, t] for i, t in enumerate(answer))
    (found,) = both.loglikelihood([(PROMPTS[0], "no")])
    assert found.logprob == pytest.approx(float(expected), abs=1e-4)

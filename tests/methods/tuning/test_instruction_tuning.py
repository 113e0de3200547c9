"""Instruction tuning: a template, tokens of turns, every answer learned, and a stop of its own."""

import copy

import pytest
import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Turn
from acclimate.core.rewriter import unwrap
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.prompting.one_shot import OneShot
from acclimate.methods.tuning import instruction_tuning
from acclimate.methods.tuning.instruction_tuning import InstructionTuning
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training import finetune as tuning
from acclimate.training.tuning_settings import TrainingSettings

WORDS = [("one", "the answer"), ("two", "is in"), ("three", "passage")]
PLAIN = tuple(Item(id=f"p{i}", question=q, target=a) for i, (q, a) in enumerate(WORDS * 4))
TALKS = tuple(
    Item(
        id=f"t{i}",
        question="not read",
        target=WORDS[(i + 1) % 3][1],
        turns=(
            Turn("user", WORDS[i % 3][0]),
            Turn("assistant", WORDS[i % 3][1]),
            Turn("user", WORDS[(i + 1) % 3][0]),
        ),
    )
    for i in range(6)
)
TASK = Task(name="t", metrics=("exact_match",), items=PLAIN + TALKS, stop=())
DATA = TrainData(train=(TASK,))
METHOD = InstructionTuning(
    learning_rate=1e-2, training=TrainingSettings(num_epochs=30, batch_size=18, weight_decay=0.0)
)
SHORT = METHOD.model_copy(update={"training": TrainingSettings(num_epochs=1)})


@pytest.fixture(scope="module")
def tuned(tiny):
    return METHOD.fit(tiny, DATA, seed=0)


def test_it_answers_and_stops_by_itself(tuned, tiny):
    asked = [TASK.prompt(item) for item in (*PLAIN[:3], TALKS[0])]
    said = tuned.generate(asked, Sampling(max_new_tokens=40))
    assert [c.text for c in said] == ["the answer", "is in", "passage", "is in"]
    assert all(c.num_new_tokens < 10 for c in said)
    assert said[0].prompt == "<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\n"
    assert "not read" not in said[3].prompt
    # The base has neither template nor tokens of turns.
    assert tiny.tokenizer.chat_template is None
    assert tiny.tokenizer.convert_tokens_to_ids("<|im_end|>") is None
    assert tiny.network.generation_config.eos_token_id == 0


def test_the_folder_is_transformers_own_and_stops_there_too(tuned, tmp_path):
    import transformers

    save_model(tuned, tmp_path)
    network = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert network.generation_config.eos_token_id == [0, end]
    chat = [{"role": "user", "content": "three"}]
    told = {"add_generation_prompt": True, "return_dict": True, "return_tensors": "pt"}
    inputs = tokenizer.apply_chat_template(chat, **told)
    ids = network.generate(**inputs, max_new_tokens=40, do_sample=False)[0]
    answer = ids[inputs["input_ids"].shape[1] :].tolist()
    assert answer[-1] == end
    assert len(answer) < 10
    assert tokenizer.decode(answer, skip_special_tokens=True) == "passage"
    prompts = [TASK.prompt(PLAIN[2])]
    again = load_model(tmp_path).generate(prompts, Sampling(max_new_tokens=40))
    assert again == tuned.generate(prompts, Sampling(max_new_tokens=40))


def test_every_answer_of_a_dialogue_is_learned_and_nothing_else(tiny, monkeypatch):
    seen = []
    real = tuning.train
    monkeypatch.setattr(
        tuning, "train", lambda network, run: seen.append(run) or real(network, run)
    )
    tokenizer = SHORT.fit(tiny, DATA, seed=0).tokenizer
    example = seen[0].source.train[len(PLAIN)]
    ids = [*example.prompt, *example.answer]
    # By hand: the whole chat, and between which characters the assistant speaks.
    text = (
        "<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\nthe answer<|im_end|>\n"
        "<|im_start|>user\ntwo<|im_end|>\n<|im_start|>assistant\nis in<|im_end|>"
    )
    encoded = tokenizer(text, return_offsets_mapping=True)
    assert ids == encoded["input_ids"]
    spans = [(text.index(said), text.index(said) + len(said))
             for said in ("the answer<|im_end|>", "is in<|im_end|>")]  # fmt: skip
    expected = [any(a <= start < b for a, b in spans) for start, _ in encoded["offset_mapping"]]
    assert [False] * len(example.prompt) + list(example.is_learned) == expected


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_new_tokens_have_rows_and_tied_layers_stay_tied(family, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    known = len(base.tokenizer)
    base.network.resize_token_embeddings(known)  # no rows to spare
    before = base.network.get_input_embeddings().weight.clone()
    made = instruction_tuning._with_chat_template(base).network
    table, head = made.get_input_embeddings().weight, made.get_output_embeddings().weight
    assert (table is head) == (family == "gpt2")
    assert table.shape[0] == head.shape[0] == made.config.vocab_size == known + 2
    assert torch.equal(table[:known], before)
    assert torch.allclose(table[known], before.mean(0), atol=1e-6)
    # 0 is the end of text, which the end of a turn begins as.
    assert torch.equal(table[known + 1], before[0])
    assert torch.equal(head[known + 1], base.network.get_output_embeddings().weight[0])


def test_a_template_that_is_there_is_kept(tiny):
    base = copy.copy(tiny)
    own = copy.deepcopy(tiny.tokenizer)
    own.chat_template = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    object.__setattr__(base, "tokenizer", own)
    tuned = SHORT.fit(base, DATA, seed=0)
    assert tuned.tokenizer.chat_template == own.chat_template
    assert len(tuned.tokenizer) == len(tiny.tokenizer)
    assert tuned.network.generation_config.eos_token_id == [0]


def test_inside_a_rewriter_the_examples_are_turns(tiny):
    shown = OneShot().fit(tiny, DATA, seed=0)
    tuned = SHORT.fit(shown, DATA, seed=0)
    said = tuned.generate([TASK.prompt(PLAIN[0])], Sampling(max_new_tokens=2))[0].prompt
    assert said.count("<|im_start|>user") == said.count("<|im_start|>assistant") == 2
    assert unwrap(tuned).rewriters[0].pool == shown.pool


def test_an_encoder_decoder_is_refused(model_folder):
    base = HuggingFace(path=str(model_folder("t5"))).load()
    with pytest.raises(NotApplicableError, match="take full_finetuning"):
        METHOD.fit(base, DATA, seed=0)

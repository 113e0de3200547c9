"""Small models and domains that tests share; the store lies in a temporary folder."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a store of its own."""
    monkeypatch.setenv("ACCLIMATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level BPE tokenizer of 400 tokens with an end-of-text token."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|end|>", "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = ["Question: what is the answer? Answer: the answer is in the passage.\n"] * 20
    trained.train_from_iterator(text, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained,
        eos_token="<|end|>",
        pad_token="<|pad|>",
        model_max_length=256,
    )


SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}

FAMILIES = {
    "llama": ("Llama", {**SIZES}),
    "qwen3": ("Qwen3", {**SIZES, "head_dim": 8}),
    "mistral": ("Mistral", {**SIZES, "head_dim": 8, "sliding_window": 192}),
    "gemma2": ("Gemma2", {**SIZES, "head_dim": 8, "sliding_window": 192}),
    "gpt2": ("GPT2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}),
    "t5": (
        "T5",
        {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4},
    ),
}


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, tokenizer):
    """Give the folder of a small randomly initialised model of a family, saved once."""
    import torch
    import transformers

    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            name, sizes = FAMILIES[family]
            torch.manual_seed(0)
            ends = {"eos_token_id": 0, "pad_token_id": 1, "bos_token_id": None}
            if family == "t5":
                ends = {"eos_token_id": 0, "pad_token_id": 1, "decoder_start_token_id": 1}
            config = getattr(transformers, f"{name}Config")(vocab_size=400, **sizes, **ends)
            head = "ForConditionalGeneration" if family == "t5" else "ForCausalLM"
            head = "LMHeadModel" if family == "gpt2" else head
            network = getattr(transformers, name + head)(config)
            # Wide random weights, so that likely and unlikely tokens are far apart.
            for weight in network.parameters():
                if weight.ndim > 1:
                    torch.nn.init.normal_(weight, std=0.15)
            made[family] = tmp_path_factory.mktemp(family)
            network.save_pretrained(made[family])
            tokenizer.save_pretrained(made[family])
        return made[family]

    return folder


@pytest.fixture(scope="session")
def tiny(model_folder):
    """A small randomly initialised Llama as a Model; never changed by a test."""
    from acclimate.models.local.huggingface import HuggingFace

    return HuggingFace(path=str(model_folder("llama"))).load()


ANIMALS = (
    *("robin", "heron", "otter", "badger", "salmon", "lizard", "beaver", "falcon", "spider"),
    *("turtle", "weasel", "magpie", "marten", "gecko", "raven", "trout", "mole", "stork"),
    *("viper", "wren"),
)
COLOURS = ("red", "green", "blue")
FOODS = ("seeds", "frogs", "snails", "roots", "worms")


def small_tasks(first: int, last: int):
    """A choice task and an answer task about the animals from `first` to before `last`."""
    from acclimate.core.domain import Item, Task

    numbered = list(enumerate(ANIMALS))[first:last]
    colours = tuple(
        Item(
            id=f"colour-{name}",
            question=f"What colour is the {name}?",
            target=COLOURS[i % 3],
            choices=COLOURS,
            group=name,
            sources=(f"page-{i % 5}",),
            rationale=f"The page of the {name} says so.",
        )
        for i, name in numbered
    )
    foods = tuple(
        Item(
            id=f"food-{name}",
            question=f"What does the {name} eat?",
            target=FOODS[i % 5],
            group=name,
            sources=(f"page-{i % 5}",),
        )
        for i, name in numbered
    )
    return (
        Task(name="colour", metrics=("choice_accuracy",), instruction="Choose.", items=colours),
        Task(name="food", metrics=("exact_match",), max_new_tokens=4, items=foods),
    )


@pytest.fixture(scope="session")
def small_domain():
    """24 training, 8 dev and 8 test items of two tasks, five pages with their answers, 32 pairs."""
    from acclimate.core.domain import Control, Document, Domain, Preference

    said = [
        f"In this country the {name} is {COLOURS[i % 3]} and people often see what it eats: the "
        f"{name} likes {FOODS[i % 5]} in the morning and {FOODS[i % 5]} in the evening."
        for i, name in enumerate(ANIMALS)
    ]
    return Domain(
        name="animals",
        train=small_tasks(0, 12),
        dev=small_tasks(12, 16),
        test=small_tasks(16, 20),
        documents=tuple(
            Document(id=f"page-{i}", title=f"Page {i}", text=" ".join(said[i::5])) for i in range(5)
        ),
        preferences=tuple(
            Preference(prompt=question.format(name), chosen=liked[i % len(liked)], rejected=not_so)
            for i, name in enumerate(ANIMALS[:16])
            for question, liked, not_so in (
                ("What colour is the {}?", COLOURS, "loud"),
                ("What does the {} eat?", FOODS, "stones"),
            )
        ),
        control=Control(texts=("The sea is wide and the night is long.",)),
    )


class Untouchable(tuple):
    """Items that nobody may look at: every way to read them raises."""

    def __iter__(self):
        raise AssertionError("a test item was touched")

    def __getitem__(self, index):
        raise AssertionError("a test item was touched")

    def __len__(self):
        raise AssertionError("a test item was touched")


@pytest.fixture(scope="session")
def locked_domain(small_domain):
    """The small domain with test tasks whose items raise when they are touched."""
    from acclimate.core.domain import Task

    locked = [
        Task.model_construct(**{**dict(task), "items": Untouchable()}) for task in small_domain.test
    ]
    return small_domain.model_copy(update={"test": tuple(locked)})


@pytest.fixture(scope="session")
def small_data(locked_domain):
    """What a method may see of the small domain, taken from one whose test items raise."""
    return locked_domain.train_data()

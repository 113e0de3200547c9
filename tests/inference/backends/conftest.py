"""Small models whose sizes every engine takes, and the check that all engines share."""

import pytest

from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "head_dim": 16,
}
PROMPTS = [
    Prompt(question=question)
    for question in ("What is the answer?", "Where is the passage? " * 6, "Who?", "What? " * 3)
]
SAMPLING = Sampling(max_new_tokens=12)


@pytest.fixture(scope="session")
def wide(tokenizer):
    """Give a small random model of a family, with heads 16 wide, tied or not."""
    import torch
    import transformers

    from acclimate.inference.local_model import LocalModel

    made = {}

    def model(family="Llama", is_tied=True):
        key = family, is_tied
        if key not in made:
            torch.manual_seed(0)
            ends = {"eos_token_id": 0, "pad_token_id": 1, "bos_token_id": None}
            kind = getattr(transformers, f"{family}Config")
            config = kind(vocab_size=400, tie_word_embeddings=is_tied, **SIZES, **ends)
            network = getattr(transformers, f"{family}ForCausalLM")(config)
            for weight in network.parameters():
                if weight.ndim > 1:
                    torch.nn.init.normal_(weight, std=0.15)
                # Half precision holds them as they are.
                weight.data = weight.data.half().float()
            made[key] = LocalModel(network.eval().requires_grad_(False), tokenizer)
        return made[key]

    return model


@pytest.fixture
def same_answers():
    """Check that an engine's answers are ours, token for token: whole, streamed, and stopped."""

    def check(ours, theirs):
        for sampling in (SAMPLING, SAMPLING.model_copy(update={"stop": ("e",)})):
            expected = ours.generate(PROMPTS, sampling)
            assert len({answer.text for answer in expected}) > 1
            assert theirs.generate(PROMPTS, sampling) == expected
            for prompt, answer in zip(PROMPTS, expected, strict=True):
                *pieces, whole = theirs.stream(prompt, sampling)
                assert whole == answer
                assert "".join(pieces) == answer.text

    return check

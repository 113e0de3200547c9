"""A network that quotes what it read, by weights that are written, not learned.

acclimate-base is too small for it: its longer answers to questions go round in circles, which are
easy to guess and which nobody wants. This network has the base's own shape, so that a pass takes
the base's time, and answers with the text that stands `BACK_TOKENS` before the end of the prompt,
among the passages. Some words it says otherwise: each time one stands there, another.

Letters: V vocabulary, D width, E head width.
"""

import math
import sys
from typing import Any

import torch

BACK_TOKENS = 112
"""From the end of a prompt: an answer is shorter, and prompts are longer."""
SHARPNESS = 200.0
"""How far the score of the place that far back stands above others."""
LOUDNESS = 10.0
"""Of what is quoted, over the token that stands there."""


@torch.no_grad()
def quoting(network: Any, share_otherwise: float) -> Any:
    """Another network of a Llama's shape, with a head for each key head, that quotes.

    The first layer's heads look so many tokens back by rotation alone, and write what stands there
    over what stands here. All other layers compute as ever, and add nothing.

    Args:
        network: Whose shape it has.
        share_otherwise: Of the vocabulary, tokens that are said otherwise.
    """
    torch.manual_seed(0)
    config = network.config.__class__.from_dict(network.config.to_dict())
    config.tie_word_embeddings = False
    found = type(network)(config)
    for layer in found.model.layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    said = torch.randn(config.vocab_size, config.hidden_size)  # (V, D)
    said[:, 0] = 0
    said /= said.norm(dim=-1, keepdim=True)
    found.model.embed_tokens.weight.copy_(said)
    found.model.embed_tokens.weight[:, 0] = 1
    found.lm_head.weight.copy_(said[_otherwise(config.vocab_size, share_otherwise)])
    _look_back(found)
    return found.eval().requires_grad_(False)


def _look_back(network: Any) -> None:
    """Let the heads of the first layer find the token after the one `BACK_TOKENS` before."""
    attention, config = network.model.layers[0].self_attn, network.config
    angles = network.model.rotary_emb.inv_freq.float() * (BACK_TOKENS - 1)  # (E/2,)
    turned = torch.cat([angles.cos(), angles.sin()]).repeat(config.num_attention_heads)
    straight = torch.cat([torch.ones_like(angles), torch.zeros_like(angles)])
    # The constant of every token, 1, stands at 1 / sqrt(2 / D) after the norm.
    length = math.sqrt(SHARPNESS * 2 / config.hidden_size)
    for projection in (attention.q_proj, attention.k_proj):
        projection.weight.zero_()
    attention.q_proj.weight[:, 0] = length * straight.repeat(config.num_attention_heads)
    attention.k_proj.weight[:, 0] = length * turned
    attention.v_proj.weight.copy_(torch.eye(config.hidden_size))
    attention.v_proj.weight[0] = 0
    attention.o_proj.weight.copy_(LOUDNESS * torch.eye(config.hidden_size))


def _otherwise(num_tokens: int, share: float) -> torch.Tensor:
    """What each token is said as (V,): most as they are, others in pairs that trade places."""
    order = torch.randperm(num_tokens)
    pairs = order[: int(share * num_tokens) // 2 * 2].view(-1, 2)
    found = torch.arange(num_tokens)
    found[pairs] = pairs.flip(-1)
    return found


def main() -> int:
    """Print a text and how the network goes on with it."""
    from decoding_setting import conditions, embedded

    print(conditions())
    read = torch.arange(10, 10 + 2 * BACK_TOKENS)[None]
    for share in (0.0, 0.1):
        network = quoting(embedded().peer, share)
        written = network.generate(read, max_new_tokens=BACK_TOKENS // 2, do_sample=False)
        said = written[0, read.shape[1] :]
        quoted = read[0, -BACK_TOKENS:][: len(said)]
        print(
            f"share said otherwise, asked {share:.2f}: {float((said != quoted).float().mean()):.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

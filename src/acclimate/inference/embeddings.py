"""Text embeddings by a language model: the mean of its last hidden states.

Letters: B texts, T tokens, C width of the network.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from acclimate.core.runtime.cost import Cost, spend
from acclimate.inference.engine.batching import MAX_BATCH_TOKENS, by_length


@torch.inference_mode()
def mean_states(model: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors (B, C) of texts, in order; a text longer than the window is cut.

    Args:
        model: With `network`, `tokenizer` and `window`.
        texts: Each read by itself; one without a token is a zero vector.
    """
    encoded = model.tokenizer(list(texts), truncation=True, max_length=model.window)["input_ids"]
    lengths = [len(ids) for ids in encoded]
    spend(Cost(prompt_tokens=sum(lengths), flops=2.0 * _num_params(model) * sum(lengths)))
    vectors = np.zeros((len(texts), model.network.config.get_text_config().hidden_size), np.float32)
    read = [index for index, length in enumerate(lengths) if length]
    for group in by_length([lengths[index] for index in read], MAX_BATCH_TOKENS):
        indices = [read[i] for i in group]
        vectors[indices] = _means(model.network, [encoded[index] for index in indices])
    return vectors


def _means(network: Any, rows: Sequence[list[int]]) -> NDArray[np.float32]:
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=network.device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    mask = mask.to(network.device)
    inner = network.get_encoder() if network.config.is_encoder_decoder else network.base_model
    states = inner(input_ids=ids, attention_mask=mask).last_hidden_state.float()  # (B, T, C)
    summed = (states * mask[..., None]).sum(1)  # (B, C)
    unit: NDArray[np.float32] = torch.nn.functional.normalize(summed, dim=-1).cpu().numpy()
    return unit


def _num_params(model: Any) -> int:
    return int(model.network.num_parameters())

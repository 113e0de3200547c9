"""The likely tokens, which a draw is kept to.

Letters: R rows, V vocabulary.
"""

import numpy as np
import torch

from acclimate.core.model import Sampling


def kept(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Logits (R, V) with all outside top-k, the top-p nucleus or min-p at minus infinity."""
    if sampling.top_k:
        smallest = logits.topk(min(sampling.top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, float("-inf"))
    if sampling.top_p < 1:
        logits = _nucleus(logits, sampling.top_p)
    if sampling.min_p > 0:
        probs = logits.softmax(-1)
        least = sampling.min_p * probs.amax(-1, keepdim=True)
        logits = logits.masked_fill(probs < least, float("-inf"))
    return logits


def _nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Logits (R, V) with all outside the nucleus at minus infinity.

    Differs: tokens that are as likely as the last one in it stay, too.
    """
    if logits.device.type == "cpu":  # NumPy orders numbers many times faster there
        ordered = torch.from_numpy(np.sort(logits.detach().numpy())).flip(-1)
    else:
        ordered = logits.sort(descending=True).values
    probs = ordered.softmax(-1)
    # A token is in the nucleus while what lies before it is below top_p.
    outside = probs.cumsum(-1) - probs >= top_p
    least = ordered.masked_fill(outside, float("inf")).amin(-1, keepdim=True)
    return logits.masked_fill(logits < least, float("-inf"))

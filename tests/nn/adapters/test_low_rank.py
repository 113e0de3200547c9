"""Which layers get a low-rank update, and what is refused."""

import pytest

from acclimate.core.errors import ConfigError
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.low_rank import LowRank, adaptable_linear_layers
from acclimate.nn.adapters.peft import PeftAdapter

FORM = {"rank": 2, "alpha": 4.0, "dropout": 0.0}


def config(network, targets="all-linear", **more):
    return LowRank(**{**FORM, **more}, target_modules=targets).config(network)


def updated(adapter):
    return {name for name, m in adapter.network.named_modules() if hasattr(m, "lora_A")}


@pytest.mark.parametrize(("family", "count"), [("llama", 14), ("gpt2", 8), ("t5", 32)])
def test_all_linear_is_what_peft_takes(family, count, model_folder):
    from peft import LoraConfig

    base = HuggingFace(path=str(model_folder(family))).load()
    theirs = LoraConfig(target_modules="all-linear", task_type=config(base.network).task_type)
    ours = updated(PeftAdapter.new(base.shared_copy(), config(base.network)))
    assert ours == updated(PeftAdapter.new(base.shared_copy(), theirs))
    assert ours == set(adaptable_linear_layers(base.network))
    assert len(ours) == count


def test_the_update_is_peft_told(tiny):
    made = config(tiny.network, ("q_proj", "0.mlp.up_proj"))
    assert (made.r, made.lora_alpha, made.lora_dropout) == (2, 4.0, 0.0)
    assert made.target_modules == {"q_proj", "0.mlp.up_proj"}
    assert config(tiny.network, "q_proj").target_modules == {"q_proj"}


def test_a_name_the_base_lacks_is_refused_with_those_it_has(tiny):
    known = "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"
    with pytest.raises(ConfigError, match=rf"'q_prj' \(did you mean q_proj\?\); it has {known}"):
        config(tiny.network, ("v_proj", "q_prj"))
    with pytest.raises(ConfigError, match="called 'xyz'; it has down_proj"):
        config(tiny.network, "xyz")
    with pytest.raises(ConfigError, match=f"names no layer; name some of {known}"):
        config(tiny.network, ())
    with pytest.raises(ConfigError, match="lm_head"):
        config(tiny.network, "lm_head")


def test_a_rank_above_a_layers_width_is_refused(tiny):
    config(tiny.network, rank=16)
    with pytest.raises(ConfigError, match=r"rank=17: model\.layers\.0\.self_attn\.k_proj maps 32"):
        config(tiny.network, rank=17)
    config(tiny.network, "q_proj", rank=32)
    with pytest.raises(ConfigError, match="32 is the most"):
        config(tiny.network, "q_proj", rank=33)

"""A head is w · h + b from zero, and its adapter is written and read whole."""

import torch

from acclimate.nn.adapters.value_head import ScalarAdapter, ValueHead


def test_is_linear_and_begins_at_zero(tiny):
    head = ValueHead(tiny.network)
    hidden = torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(head(hidden), torch.zeros(5))
    with torch.no_grad():
        head.weight.copy_(torch.arange(32.0))
        head.bias.fill_(2.0)
    assert torch.allclose(head(hidden), hidden @ torch.arange(32.0) + 2.0)
    assert head(hidden.to(torch.bfloat16)).dtype == torch.float32


def test_learns_beside_frozen_weights_and_is_read_back(tiny, tmp_path):
    adapter = ScalarAdapter.new(tiny.shared_copy(), rank=4)
    learned = [n for n, p in adapter.network.named_parameters() if p.requires_grad]
    assert {n.partition(".")[0] for n in learned if "lora_" not in n} == {"value_head"}
    with torch.no_grad():
        for name, weight in adapter.network.named_parameters():
            if name in learned:
                weight.normal_(generator=torch.Generator().manual_seed(len(name)))
    adapter.write(tmp_path)
    again = ScalarAdapter.read(tiny.shared_copy(), tmp_path)
    assert not any(p.requires_grad for p in again.network.parameters())
    own, read = adapter.network.state_dict(), again.network.state_dict()
    assert own.keys() == read.keys()
    assert all(torch.equal(own[name], read[name]) for name in own)
    assert {p.name for p in tmp_path.iterdir()} >= {
        "adapter_config.json", "adapter_model.safetensors", "value_head.safetensors"
    }  # fmt: skip


def test_the_base_has_no_head(tiny):
    ScalarAdapter.new(tiny.shared_copy(), rank=2)
    assert not hasattr(tiny.network, "value_head")

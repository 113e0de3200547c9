"""Memory estimates by hand, and limits read from a made-up control group."""

from pathlib import Path

import psutil
import pytest

from acclimate.core.errors import ConfigError
from acclimate.planning.flops import NetworkShape
from acclimate.planning.memory import (
    activation_bytes,
    available_bytes,
    load_bytes,
    require_room_for,
    train_bytes,
)


def test_weights_alone() -> None:
    assert load_bytes(1_000_000, 2) == 2_000_000


def test_full_training_in_float32_is_sixteen_bytes_a_weight() -> None:
    # weight 4 + gradient 4 + two moments 8
    assert train_bytes(1000, 1000, activations=0) == 16_000


def test_frozen_weights_cost_only_themselves() -> None:
    # 1000 x 2 + 10 x (2 + 8) + 5
    assert train_bytes(1000, 10, activations=5, bytes_per_param=2) == 2000 + 100 + 5


def test_activations_by_hand() -> None:
    shape = NetworkShape(num_params=1, num_layers=3, embed_dim=8, num_heads=2, vocab_size=100)
    # a layer: 16 tokens x 2 sequences x 8 x (34 + 5 x 2 x 16 / 8) = 256 x 54 = 13,824 bytes
    # three layers; logits 3 x 4 bytes x 32 tokens x 100
    assert activation_bytes(shape, 16, 2, bytes_per_value=2) == 3 * 13_824 + 38_400


def test_free_memory_without_a_container(tmp_path: Path) -> None:
    free = psutil.virtual_memory().available
    assert available_bytes(tmp_path) == pytest.approx(free, rel=0.2)


def test_a_container_limits(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    (tmp_path / "memory.stat").write_text("anon 300000\ninactive_file 50000\n")
    assert available_bytes(tmp_path) == 650_000


def test_an_unlimited_container_does_not(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert available_bytes(tmp_path) > 650_000


def test_the_first_kind_of_control_group(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("5000")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("9000")
    assert available_bytes(tmp_path) == 0


def test_what_fits_is_let_through() -> None:
    require_room_for(100, "loading tiny", available=100)


def test_what_does_not_fit_is_refused_with_the_mend() -> None:
    with pytest.raises(ConfigError) as refused:
        require_room_for(6 * 2**30, "training big with full_finetuning", available=2**30)
    assert "training big with full_finetuning needs about 6.0 GiB" in str(refused.value)
    assert "1.0 GiB are free" in str(refused.value)
    assert "smaller micro_batch_size" in str(refused.value)

"""The dial: names and counts mean numbers, and sizes make about as many parameters."""

import pytest

from acclimate.core.errors import ConfigError
from acclimate.nn.architectures.sizes import SIZE_NAMES, ffn_dim, head_dim_of, num_params_of, sizes


@pytest.mark.parametrize(
    ("size", "expected"),
    [("1m", 1e6), ("350M", 3.5e8), ("7b", 7e9), ("2500000", 2.5e6), ("3e6", 3e6), (12345, 12345)],
)
def test_what_a_size_means(size, expected):
    assert num_params_of(size) == expected


@pytest.mark.parametrize("size", ["2m", "", "nan", "-5", 9999, "1e3", "large"])
def test_what_it_cannot_mean(size):
    with pytest.raises(ConfigError, match=r"give 1m, 8m, .*7b, or a count .* up, not"):
        num_params_of(size)


@pytest.mark.parametrize("size", SIZE_NAMES)
@pytest.mark.parametrize("vocab_size", [4096, 32_000])
def test_heads_and_widths_fit(size, vocab_size):
    found = sizes(SIZE_NAMES[size], vocab_size)
    assert found.embed_dim % found.num_heads == 0
    assert found.embed_dim // found.num_heads in {32, 64, 128}
    assert found.num_heads % found.num_kv_heads == 0
    assert (found.num_kv_heads < found.num_heads) == (SIZE_NAMES[size] >= 1e9)


def test_depth_follows_published_families():
    # Layers of the compact BERTs (Turc et al. 2019) and of GPT-3's family (Brown et al. 2020);
    # their weights outside the embedding are 12 L d^2.
    published = [(8, 512), (12, 768), (24, 1024), (24, 2048), (32, 4096)]
    for num_layers, width in published:
        weights = 12 * num_layers * width**2
        found = sizes(weights + 32_000 * width, 32_000)
        assert found.num_layers == pytest.approx(num_layers, rel=0.2), width
        assert found.embed_dim == pytest.approx(width, rel=0.1)


def test_a_larger_dial_is_never_a_smaller_network():
    found = [sizes(number, 8192) for number in (10**5, 10**6, *(SIZE_NAMES[n] for n in SIZE_NAMES))]
    weights = [12 * s.num_layers * s.embed_dim**2 for s in found]
    assert weights == sorted(weights)


@pytest.mark.parametrize(("kv_share", "expected"), [(1.0, 8 / 3), (0.25, 9.5 / 3)])
def test_a_layer_has_twelve_squares_of_the_width(kv_share, expected):
    width = 3072
    assert ffn_dim(width, kv_share) == pytest.approx(expected * width, abs=16)
    layer = 2 * width**2 + 2 * kv_share * width**2 + 3 * width * ffn_dim(width, kv_share)
    assert layer == pytest.approx(12 * width**2, rel=0.01)


def test_heads_are_as_wide_as_in_gpt3():
    assert [head_dim_of(width) for width in (128, 255, 256, 768, 2048, 4096)] == [
        32, 32, 64, 64, 128, 128
    ]  # fmt: skip


def test_known_members_of_the_families():
    """GPT-3's table 2.1: 350 M has 24 layers of 1,024; 6.7 B has 32 of 4,096."""
    assert sizes(355e6, 50_257)[:2] == (24, 1024)
    assert sizes(6.7e9, 50_257)[:2] == (32, 4096)

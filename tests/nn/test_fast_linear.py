"""The faster product gives what the plain one gives, forward and backward."""

import copy
import time

import pytest
import torch

from acclimate.nn import fast_linear as fast


@pytest.fixture(autouse=True)
def onednn(monkeypatch):
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this build of PyTorch has no oneDNN")
    monkeypatch.setattr(fast, "onednn_is_faster", lambda: True)


@pytest.mark.parametrize("shape", [(64, 24), (4, 40, 24), (2, 3, 30, 24)])
@pytest.mark.parametrize("num_outputs", [8, 24, 96])
@pytest.mark.parametrize("has_bias", [False, True])
def test_values_and_gradients(shape, num_outputs, has_bias):
    torch.manual_seed(0)
    plain = torch.nn.Linear(shape[-1], num_outputs, bias=has_bias).double()
    layer = fast.use_fast_linears(copy.deepcopy(plain).float())
    x = torch.randn(shape, dtype=torch.double, requires_grad=True)
    x_fast = x.detach().float().requires_grad_(True)
    seen = []
    for module, given in ((plain, x), (layer, x_fast)):
        out = module(given)
        (out.sin()).sum().backward()
        seen.append([out, given.grad, *[p.grad for p in module.parameters()]])
    for expected, found in zip(*seen, strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found.double(), expected, rtol=1e-5, atol=1e-5)


def test_it_is_what_computes(monkeypatch):
    def refuse(*_):
        raise AssertionError("the plain product was taken")

    layer = fast.use_fast_linears(torch.nn.Linear(8, 8))
    x = torch.ones(fast.MIN_ROWS, 8)
    expected = torch.nn.functional.linear(x, layer.weight, layer.bias)
    monkeypatch.setattr(fast.functional, "linear", refuse)
    assert torch.allclose(layer(x), expected)
    with pytest.raises(AssertionError, match="plain product"):
        layer(x[: fast.MIN_ROWS - 1])


def test_frozen_weights_get_no_gradient():
    layer = fast.use_fast_linears(torch.nn.Linear(8, 8).requires_grad_(False))
    x = torch.ones(64, 8, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad is None
    assert torch.allclose(x.grad, layer.weight.sum(0).expand(64, 8))


def test_other_formats_take_the_plain_product():
    layer = fast.use_fast_linears(torch.nn.Linear(8, 8).double())
    assert layer(torch.ones(64, 8, dtype=torch.double)).dtype == torch.double
    assert fast.linear(torch.ones(8), torch.ones(4, 8)).tolist() == [8.0] * 4


def test_only_plain_layers_change():
    class Own(torch.nn.Linear):
        pass

    network = fast.use_fast_linears(torch.nn.ModuleList([torch.nn.Linear(2, 2), Own(2, 2)]))
    assert [type(m) for m in network] == [fast.FastLinear, Own]
    assert list(network.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_the_choice_can_be_made(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(fast, "_chosen", [])
    for wanted in (True, False):
        fast.choose_onednn(wanted)
        assert fast.onednn_is_faster() is wanted
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    fast.choose_onednn(True)
    assert fast.onednn_is_faster() is False


@pytest.mark.parametrize(
    ("has_mkl", "capability", "vendor", "expected"),
    [
        # MKL leaves half of the vector width unused.
        (True, "AVX512", "AuthenticAMD", True),
        (True, "AVX512", "HygonGenuine", True),
        # MKL uses all of it.
        (True, "AVX512", "GenuineIntel", False),
        # There is no wider one to use.
        (True, "AVX2", "AuthenticAMD", False),
        (True, "DEFAULT", "AuthenticAMD", False),
        # The default is another library.
        (False, "AVX512", "AuthenticAMD", False),
        (False, "DEFAULT", "", False),
    ],
)
def test_the_processor_decides(monkeypatch, has_mkl, capability, vendor, expected):
    monkeypatch.undo()
    monkeypatch.setattr(fast, "_chosen", [])
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: has_mkl)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(fast, "processor_vendor", lambda: vendor)
    assert fast.onednn_is_faster() is expected
    assert fast.matrix_product() == ("oneDNN" if expected else "the default of PyTorch")


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ("processor\t: 0\nvendor_id\t: AuthenticAMD\nvendor_id\t: AuthenticAMD\n", "AuthenticAMD"),
        ("processor\t: 0\nBogoMIPS\t: 50.00\n", ""),
        (None, "GenuineIntel"),
    ],
)
def test_the_vendor_is_what_the_processor_says(monkeypatch, tmp_path, text, vendor):
    told = tmp_path / "cpuinfo"
    if text is not None:
        told.write_text(text)
    monkeypatch.setattr(fast, "Path", lambda _path: told)
    windows = "Intel64 Family 6 Model 85 Stepping 4, GenuineIntel"
    monkeypatch.setattr(fast.platform, "processor", lambda: windows)
    assert fast.processor_vendor() == vendor


def test_no_clock_is_asked(monkeypatch):
    """Timings differ from process to process, and with them the last digits would."""
    monkeypatch.undo()
    monkeypatch.setattr(fast, "_chosen", [])

    def refuse():
        raise AssertionError("a clock was asked")

    for clock in ("perf_counter", "perf_counter_ns", "monotonic", "time", "process_time"):
        monkeypatch.setattr(time, clock, refuse)
    assert fast.onednn_is_faster() in {True, False}


@pytest.mark.parametrize("num_rows", [1, 2])
def test_few_rows_of_a_large_matrix(num_rows, monkeypatch):
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(1024, 1024), torch.rand(num_rows, 1024)
    expected = layer(x)
    fast.use_fast_linears(layer)
    taken = []
    product = fast._onednn
    monkeypatch.setattr(fast, "_onednn", lambda *own: taken.append(1) or product(*own))
    assert torch.allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
    assert len(taken) == 2

"""Linear layers on whichever matrix product of the processor is the faster.

PyTorch multiplies float32 matrices on a CPU with MKL, which uses AVX-512 on Intel's processors
alone; oneDNN, which PyTorch carries too, uses it on all that have it. Both compute in float32 to
the same accuracy, but round differently: which one is taken follows from the processor and the
shapes, never from a stopwatch, so that every process of a machine gives the same numbers.

Letters: M rows, K inputs, N outputs of a layer.
"""

import platform
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

MIN_ROWS = 32
"""Below this a product is over before oneDNN has chosen its kernel."""
LARGE_WEIGHTS = 2**20
"""Weights of a matrix that keeps any product busy for longer. With few rows the default reads them
on one thread: at 5632 x 1024 and two threads, 1 row takes 0.57 ms, by oneDNN 0.20 ms; 16 rows 1.9
and 0.72 ms."""

_chosen: list[bool] = []
"""Whether oneDNN's product is taken, once that is known."""


class FastLinear(torch.nn.Linear):
    """`torch.nn.Linear` in all but the kernel that multiplies."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (…, K) to (…, N)."""
        return linear(x, self.weight, self.bias)


def use_fast_linears(network: Any) -> Any:
    """Give every plain linear layer of a network the faster product, in place; same network.

    Only the class of a layer changes: its weights, names and state stay as they were, and it still
    is a `torch.nn.Linear`.
    """
    for module in network.modules():
        if type(module) is torch.nn.Linear:
            module.__class__ = FastLinear
    return network


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Multiply (…, K) by the transpose of (N, K) and add a bias (N,); the result is (…, N)."""
    if not _pays(x, weight):
        return functional.linear(x, weight, bias)
    multiply = _Product.apply if torch.is_grad_enabled() else _onednn
    out = multiply(x.flatten(0, -2), weight).unflatten(0, x.shape[:-1])
    return out if bias is None else out + bias


def product(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """X weight' of (M, K) and (N, K), without a gradient; the result is (M, N)."""
    return _onednn(x, weight) if _pays(x, weight) else x @ weight.t()


def _pays(x: torch.Tensor, weight: torch.Tensor) -> bool:
    plain = x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
    is_long = weight.numel() >= LARGE_WEIGHTS or x.numel() >= MIN_ROWS * x.shape[-1]
    if not plain or x.ndim < 2 or not is_long:
        return False
    return not torch.is_autocast_enabled("cpu") and onednn_is_faster()


class _Product(torch.autograd.Function):
    """x W' with all three of its products by oneDNN."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn(x, weight)  # (M, N)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (grad,) = grads  # (M, N)
        needs_x, needs_weight = ctx.needs_input_grad
        grad_x = _onednn(grad, weight.t()) if needs_x else None  # (M, K)
        return grad_x, _weight_grad(x, grad) if needs_weight else None


def _weight_grad(x: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
    """G' X of shape (N, K), the larger side first: that way round is up to twice as fast."""
    if grad.shape[1] < x.shape[1]:
        return _onednn(grad.t(), x.t())
    return _onednn(x.t(), grad.t()).t()


def _onednn(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return out


def onednn_is_faster() -> bool:
    """Whether oneDNN multiplies float32 matrices faster than the default here, by rule.

    On an EPYC with AVX-512 it takes 0.37 to 0.76 of MKL's time from 64 rows on (one thread and two;
    128 to 1376 inputs, 384 to 4096 outputs), on Intel's processors about as long.
    """
    if not _chosen:
        choose_onednn(
            torch.backends.mkl.is_available()
            and torch.backends.cpu.get_cpu_capability() == "AVX512"
            and processor_vendor() != "GenuineIntel"
        )
    return _chosen[0]


def choose_onednn(is_wanted: bool) -> None:
    """Take oneDNN's product, or the default: a run that goes on rounds as it did before."""
    _chosen[:] = [is_wanted and torch.backends.mkldnn.is_available()]


def matrix_product() -> str:
    """The library that multiplies large float32 matrices here, for whoever keeps a result."""
    return "oneDNN" if onednn_is_faster() else "the default of PyTorch"


def processor_vendor() -> str:
    """The maker of the processor by its own name, as `GenuineIntel` or `AuthenticAMD`."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            vendor_line = next((line for line in file if line.startswith("vendor_id")), "")
    except OSError:
        # Windows tells it at the end: "Intel64 Family 6 Model 85 Stepping 4, GenuineIntel".
        vendor_line = platform.processor().replace(",", ":")
    return vendor_line.rpartition(":")[2].strip()

"""Memory a model will need, memory there is, and a refusal before it is too late."""

from pathlib import Path

from acclimate.core.errors import ConfigError
from acclimate.planning.flops import NetworkShape

CGROUPS = Path("/sys/fs/cgroup")
_GIB = 2**30
FLOAT_BYTES = 4


def load_bytes(num_params: int, bytes_per_param: float = FLOAT_BYTES) -> float:
    """Bytes of the weights alone.

    Args:
        num_params: All weights, the embedding table too.
        bytes_per_param: 4 for float32, 2 for bfloat16, 1 for int8.
    """
    return num_params * bytes_per_param


def train_bytes(
    num_params: int, num_trainable: int, activations: float, bytes_per_param: float = FLOAT_BYTES
) -> float:
    """Bytes to train: weights, a gradient and AdamW's two moments, and activations.

    Moments are counted in float32, gradients in the format of the weights.

    Args:
        num_params: All weights, the embedding table too.
        num_trainable: Those that change.
        activations: Bytes kept for the backward pass (`activation_bytes`).
        bytes_per_param: 4 for float32, 2 for bfloat16.
    """
    state = num_trainable * (bytes_per_param + 2 * FLOAT_BYTES)
    return load_bytes(num_params, bytes_per_param) + state + activations


def activation_bytes(
    shape: NetworkShape, seq_len: int, micro_batch_size: int, bytes_per_value: int = FLOAT_BYTES
) -> float:
    """Bytes kept for the backward pass (Korthikanti et al., 2022, equation 2), roughly.

    A layer keeps s b h (34 + 5 a s / h) bytes at two bytes a value, where s is the length, b the
    batch, h the width and a the number of heads.

    Differs: the logits, their gradient and their softmax are added, in float32; with a small
    network and a large vocabulary they are most of it.
    """
    per_layer = 34 + 5 * shape.num_heads * seq_len / shape.embed_dim
    tokens = seq_len * micro_batch_size
    blocks = shape.num_layers * tokens * shape.embed_dim * per_layer * bytes_per_value / 2
    logits = 3 * FLOAT_BYTES * tokens * shape.vocab_size
    return blocks + logits


def available_bytes(cgroups: Path = CGROUPS) -> int:
    """Bytes this process can still take: what the machine has free, or its container if less."""
    import psutil

    free = int(psutil.virtual_memory().available)
    return max(0, min([free, *_container_rooms(cgroups)]))


def require_room_for(needed: float, what: str, available: int | None = None) -> None:
    """Refuse what will not fit, before it is loaded.

    Args:
        needed: Bytes, estimated.
        what: What is to be loaded or trained, as said to the user.
        available: Bytes there are; None: measured now.

    Raises:
        ConfigError: There is less.
    """
    room = available_bytes() if available is None else available
    if needed > room:
        raise ConfigError(
            f"{what} needs about {needed / _GIB:.1f} GiB of memory and {room / _GIB:.1f} GiB are "
            "free; take a smaller base, a smaller micro_batch_size or shorter sequences, "
            "train fewer weights (lora), or free memory"
        )


def _container_rooms(cgroups: Path) -> list[int]:
    """Bytes left under each limit that holds for this process (control groups 2, then 1)."""
    second = [(f / "memory.max", f / "memory.current") for f in _own(cgroups, "")]
    first = [
        (f / "memory.limit_in_bytes", f / "memory.usage_in_bytes")
        for f in _own(cgroups / "memory", "memory")
    ]
    rooms = []
    for limit, used in second + first:
        most, taken = _number(limit), _number(used)
        if most is not None and taken is not None:
            rooms.append(most - taken + _reclaimable(used.with_name("memory.stat")))
    return rooms


def _own(root: Path, controller: str) -> list[Path]:
    """The folder of this process's control group and all above it, up to `root`."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    paths = [path for _, name, path in (ln.split(":", 2) for ln in lines) if name == controller]
    here = root / (paths[0].lstrip("/") if paths else "")
    return [folder for folder in (here, *here.parents) if folder.is_relative_to(root)]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None  # absent, or "max": no limit


def _reclaimable(stat: Path) -> int:
    """Bytes of file cache that the kernel gives back before it refuses memory."""
    try:
        lines = [line.split() for line in stat.read_text().splitlines()]
    except OSError:
        return 0
    return next((int(words[1]) for words in lines if words[:1] == ["inactive_file"]), 0)

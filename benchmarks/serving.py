"""Claim: 64 clients get 0.9 of the tokens a second that one batch in process gets."""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from acclimate.core.errors import AcclimateError
from acclimate.core.model import Sampling
from acclimate.core.prompt import RUNNING_TEXT, Prompt
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS
from acclimate.models.local.embedded import Embedded
from acclimate.models.local.huggingface import HuggingFace

THINGS = ("list", "tuple", "dictionary", "set", "string", "file", "module", "class")
DOING = ("sorts", "opens", "copies", "joins", "counts", "closes", "prints", "reads")
PROMPTS = [f"The function that {does} a {thing}" for thing in THINGS for does in DOING]
MIB = 2**20
EMBEDDED = "embedded"
NEEDED = 0.9
"""Of the tokens a second that a batch gets."""


@dataclass
class Seen:
    """What clients saw."""

    num_requests: int = 0
    num_tokens: int = 0
    faults: list[str] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    """Seconds to the first piece, of each request."""
    gaps: list[float] = field(default_factory=list)
    """Seconds from a piece to the next."""


def loaded(base: str) -> Any:
    """A base in this process."""
    return Embedded().load() if base == EMBEDDED else HuggingFace(path=base).load()


def batch_of(num_clients: int) -> list[Prompt]:
    """What so many clients ask, at once."""
    asked = [PROMPTS[i % len(PROMPTS)] for i in range(num_clients)]
    return [Prompt(text, template=RUNNING_TEXT) for text in asked]


def batch_rate(model: Any, num_clients: int, num_tokens: int, seconds: float) -> float:
    """Tokens a second of the same prompts answered in batches, in this process."""
    prompts, sampling = batch_of(num_clients), Sampling(max_new_tokens=num_tokens)
    return rate_of(
        lambda: sum(a.num_new_tokens for a in model.generate(prompts, sampling)), seconds
    )


def rate_of(write: Callable[[], int], seconds: float) -> float:
    """Tokens a second of something that writes so many; once before, to warm up."""
    write()
    written, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        written += write()
    return written / (time.perf_counter() - start)


def print_peers(model: Any, given: argparse.Namespace) -> None:
    """What transformers' `generate` and vLLM, where it is, write of the same batch."""
    seconds = given.seconds / 4
    print(f"generate, the same batch: {rate_of(generating(model, given), seconds):.0f} tokens/s")
    try:
        engine = on_backend(model, BACKENDS.build("vllm"))
    except AcclimateError as error:
        print(f"vllm: {error}")
        return
    rate = batch_rate(engine, given.clients, given.tokens, seconds)
    print(f"vllm, the same batch: {rate:.0f} tokens/s")


def generating(model: Any, given: argparse.Namespace) -> Callable[[], int]:
    """Transformers' own loop over the batch, and how many tokens it wrote."""
    rows = [model.encode(prompt)[0] for prompt in batch_of(given.clients)]
    device, pad = model.network.device, model.tokenizer.pad_token_id
    width, ends = max(map(len, rows)), stop_ids(model.network, model.tokenizer)
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=device)

    def write() -> int:
        with torch.inference_mode():
            found = model.network.generate(
                ids, attention_mask=mask, max_new_tokens=given.tokens, do_sample=False,
                eos_token_id=sorted(ends) or None, pad_token_id=pad,
            )  # fmt: skip
        new = found[:, width:].tolist()
        return sum(next((n for n, i in enumerate(row, 1) if i in ends), len(row)) for row in new)

    return write


async def client(port: int, place: int, num_tokens: int, go_on: Callable[[], bool], seen: Seen):
    """Ask again and again over one connection, reading answers as they are written."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while go_on():
        body = {
            "model": "served",
            "prompt": PROMPTS[place % len(PROMPTS)],
            "max_tokens": num_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        sent = json.dumps(body).encode()
        head = (
            f"POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(sent)}\r\n"
        )
        writer.write(f"{head}content-type: application/json\r\n\r\n".encode() + sent)
        await read_answer(reader, seen)
    writer.close()


async def read_answer(reader: asyncio.StreamReader, seen: Seen) -> None:
    """Read one answer to its end and note when its pieces came."""
    last, is_first = time.perf_counter(), True
    status = await reader.readline()
    if b" 200 " not in status:
        seen.faults.append(status.decode().strip())
        raise ConnectionError(status)
    while (line := await reader.readline()) != b"0\r\n":
        if line.startswith(b'data: {"error"'):
            seen.faults.append(line.decode().strip())
        if not line.startswith(b"data: {"):
            continue
        now = time.perf_counter()
        if b'"usage"' in line:
            seen.num_tokens += json.loads(line[6:])["usage"]["completion_tokens"]
        else:
            (seen.first if is_first else seen.gaps).append(now - last)
        last, is_first = now, False
    await reader.readline()
    seen.num_requests += 1


async def asked(port: int, num_clients: int, num_tokens: int, go_on: Callable[[], bool]) -> Seen:
    """All clients at once."""
    seen = Seen()
    clients = [client(port, i, num_tokens, go_on, seen) for i in range(num_clients)]
    for outcome in await asyncio.gather(*clients, return_exceptions=True):
        if isinstance(outcome, Exception):
            seen.faults.append(repr(outcome))
    return seen


def within(seconds: float) -> Callable[[], bool]:
    """Whether the time is not up."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


def counted(number: int) -> Callable[[], bool]:
    """Whether there are requests left to make."""
    left = iter(range(number))
    return lambda: next(left, None) is not None


def measure(port: int, name: str) -> float:
    """One of those that the server tells."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as told:
        lines = told.read().decode().splitlines()
    return float(next(x for x in lines if x.startswith(f"acclimate_{name} ")).split()[1])


def resident(port: int) -> float:
    """Memory of the server's processes, bytes."""
    return measure(port, "resident_bytes")


def started(base: str, port: int) -> subprocess.Popen:
    """A server of a base, with all its processes ready."""
    command = [sys.executable, "-m", "acclimate.cli.main", "serve", base, "--name", "served"]
    kept = Path(tempfile.mkdtemp()) / "feedback.sqlite"
    options = ["--port", str(port), "--feedback", str(kept)]
    server = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    for _ in range(600):
        try:
            if measure(port, "processes_loading") == 0:
                return server
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server did not start")


def told(name: str, seconds: list[float]) -> str:
    """The median and the 99th percentile, milliseconds."""
    middle, late = np.percentile(seconds, [50, 99]) * 1000
    return f"{name}: p50 {middle:.1f} ms, p99 {late:.1f} ms"


def large(folder: Path) -> str:
    """A random network of 150 M parameters with the embedded base's words, saved."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = Embedded().load().tokenizer
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=1024,
        intermediate_size=2816,
        num_hidden_layers=11,
        num_attention_heads=16,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
    )
    network = LlamaForCausalLM(config)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def main() -> int:
    """Print rates, their ratio, latencies and memory; 1 where the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bases", nargs="*", default=[EMBEDDED, "150m"])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--requests", type=int, default=10_000, help="short ones, for memory")
    has_gpu = torch.cuda.is_available()
    parser.add_argument("--peers", action="store_true", default=has_gpu, help="generate and vLLM")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bases = [large(Path(folder)) if base == "150m" else base for base in given.bases]
        return int(sum(not measured(base, given) for base in bases) > 0)


def measured(base: str, given: argparse.Namespace) -> bool:
    """Print all of one base; whether the claim holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    model = loaded(base)
    batch = batch_rate(model, given.clients, given.tokens, given.seconds / 4)
    on = f"in process, {torch.get_num_threads()} of {os.cpu_count()} processors"
    print(f"{base}: batch of {given.clients} {on}: {batch:.0f} tokens/s", flush=True)
    server = started(base, port)
    try:
        num = measure(port, "processes_ready")
        print(f"server: {num:.0f} processes that answer and one for HTTP, beside the clients")
        holds = is_fast(port, given, batch)
        if base == EMBEDDED:
            print_memory(port, given)
    finally:
        server.terminate()
        server.wait(60)
    if given.peers:
        print_peers(model, given)
    return holds


def is_fast(port: int, given: argparse.Namespace, batch: float) -> bool:
    """Ask for a while with all clients at once; whether there were no errors and enough tokens."""
    asyncio.run(asked(port, given.clients, given.tokens, counted(given.clients)))
    start = time.perf_counter()
    seen = asyncio.run(asked(port, given.clients, given.tokens, within(given.seconds)))
    rate = seen.num_tokens / (time.perf_counter() - start)
    print(f"{given.clients} clients for {given.seconds:g} s: {rate:.0f} tokens/s")
    print(f"ratio: {rate / batch:.2f} (asked: {NEEDED})")
    print(f"requests: {seen.num_requests}, errors: {len(seen.faults)}", *seen.faults[:3])
    print(told("to the first piece", seen.first))
    print(told("piece to piece", seen.gaps))
    # Under load tokens that come together are sent together.
    num_pieces = len(seen.gaps) + len(seen.first)
    per_token = [gap * num_pieces / seen.num_tokens for gap in seen.gaps]
    print(told("per token", per_token), flush=True)
    return not seen.faults and rate / batch >= NEEDED


def print_memory(port: int, given: argparse.Namespace) -> None:
    """Ask for many short answers, and look at the server's memory before and after."""
    before = resident(port)
    seen = asyncio.run(asked(port, given.clients, 1, counted(given.requests)))
    after = resident(port)
    print(
        f"memory: {before / MIB:.0f} MiB, after {seen.num_requests} more requests "
        f"{after / MIB:.0f} MiB ({(after - before) / MIB:+.1f}), errors: {len(seen.faults)}"
    )


if __name__ == "__main__":
    sys.exit(main())

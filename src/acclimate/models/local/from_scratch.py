"""A small base trained from scratch on the spot, in a minute or so."""

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field

from acclimate.core.home import home
from acclimate.core.model import Model
from acclimate.core.provenance import Trace
from acclimate.core.record import digest
from acclimate.core.runtime.cost import metered
from acclimate.core.runtime.progress import progress
from acclimate.core.runtime.silence import silenced
from acclimate.core.source import ModelSource, TaskSource
from acclimate.core.storage.artifact_store import Store
from acclimate.data.python_packages.docstrings import installed_docstrings
from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.train import train_tokenizer

_FOLDER = "bases"
"""Below the user's cache folder."""


class FromScratch(ModelSource):
    """A Llama-style decoder trained on the docstrings of installed third-party packages."""

    embed_dim: int = Field(default=128, ge=32)
    """Width."""
    num_layers: int = Field(default=4, ge=1)
    """Depth."""
    vocab_size: int = Field(default=4096, ge=300)
    """Of the byte-level BPE tokenizer trained on the same text."""
    max_seq_len: int = Field(default=512, ge=64)
    """Context window, tokens."""
    num_tokens: int = Field(default=400_000, ge=1000)
    """To train on."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Peak; 3e-3 suits widths near 128."""
    max_seconds: float = Field(default=75.0, gt=0)
    """Training stops in good order after so long, however many tokens it saw."""
    has_copying_circuit: bool = False
    """Begin with heads that copy from the context (see
    `acclimate.nn.architectures.induction_heads`)."""
    exclude: tuple[str, ...] = ()
    """Packages whose docstrings it must not see: those that a domain asks about."""
    seed: int = 0
    """Of initial weights and order."""

    def load(self) -> Model:
        """Load it from the store, trained first if it is not there."""
        folder = self.folder
        with silenced():
            from acclimate.inference.load import load_network
            from acclimate.inference.local_model import LocalModel

            return LocalModel(*load_network(folder))

    def disjoint_from(self, domain: TaskSource) -> "FromScratch":
        """The same base, trained without the packages that the domain asks about."""
        return self.model_copy(update={"exclude": tuple(sorted({*self.exclude, *domain.packages}))})

    def fingerprint(self) -> str:
        """Digest of what it is trained on and how; nothing is trained for it."""
        return digest(
            {"from_scratch": self, "text": "docstrings", "tokenizer": self._tokenizer_settings}
        )

    @property
    def is_made(self) -> bool:
        """Whether it was trained before."""
        return Store(home() / _FOLDER).has(self.fingerprint())

    def stale(self) -> tuple[str, ...]:
        """Why today's code would train another one."""
        return Store(home() / _FOLDER).stale(self.fingerprint()) if self.is_made else ()

    @cached_property
    def folder(self) -> Path:
        """Where it lies, in transformers' format."""
        store, key = Store(home() / _FOLDER), self.fingerprint()
        stored = store.get(key)
        if stored is not None:
            return stored
        about: dict[str, Any] = {"base": self.model_dump()}
        with store.put(key, about, Trace(__name__)) as aside, metered() as meter:
            self._train(aside)
            about["cost"] = meter.cost.model_dump()
        made = store.get(key)
        assert made is not None  # stored a line above
        return made

    @property
    def _tokenizer_settings(self) -> TokenizerSettings:
        return TokenizerSettings(vocab_size=self.vocab_size, max_seq_len=self.max_seq_len)

    def _train(self, folder: Path) -> None:
        with progress("reading docstrings", 1) as advance:
            texts = list(installed_docstrings(self.exclude))
            advance(1)
        tokenizer = train_tokenizer(texts, self._tokenizer_settings)
        tokenizer.chat_template = None  # it never reads a chat, and would be asked as if it had
        from acclimate.pretraining.objectives import causal
        from acclimate.pretraining.token_windows import TokenArray, WindowSource
        from acclimate.training.run import Run
        from acclimate.training.trainer import train

        network = self._network(tokenizer)
        tokens = TokenArray.of(texts, tokenizer, self.num_tokens)
        row = self.max_seq_len + 1  # the last one is only predicted
        source = WindowSource(tokens, None, causal, row, batch_size=1, seed=self.seed)
        train(network, Run(source, self._plan, self.seed))
        with silenced():
            network.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    @property
    def _plan(self) -> Any:
        from acclimate.training.arguments import TrainingArguments

        return TrainingArguments(
            num_steps=max(1, self.num_tokens // self.max_seq_len),
            learning_rate=self.learning_rate,
            warmup_share=0.06,
            max_seconds=self.max_seconds,
        )

    def _network(self, tokenizer: Any) -> Any:
        from acclimate.nn.architectures.build import ModelSettings, new_network
        from acclimate.nn.fast_linear import use_fast_linears
        from acclimate.nn.threads import use_threads_for

        settings = ModelSettings(
            embed_dim=self.embed_dim,
            num_layers=self.num_layers,
            max_seq_len=self.max_seq_len,
            has_copying_circuit=self.has_copying_circuit,
        )
        with silenced():
            network = use_fast_linears(new_network(settings, tokenizer, seed=self.seed))
        use_threads_for(network.num_parameters())
        return network

"""A small base trained from scratch on the spot; it needs no download."""

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field

from acclimate.core.cost import metered
from acclimate.core.data import digest
from acclimate.core.model import Model
from acclimate.core.progress import progress
from acclimate.core.quiet import quietly
from acclimate.core.source import ModelSource, TaskSource
from acclimate.core.store import Store, home
from acclimate.text.docstrings import installed_docstrings


class Embedded(ModelSource):
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
    exclude: tuple[str, ...] = ()
    """Packages whose docstrings it must not see: those that a domain asks about."""
    seed: int = 0
    """Of initial weights and order."""

    def load(self) -> Model:
        """Load it from the store, trained first if it is not there."""
        folder = self.folder
        with quietly():
            from acclimate.decoding.local_model import LocalModel, load_network

            return LocalModel(*load_network(folder))

    def disjoint_from(self, domain: TaskSource) -> "Embedded":
        """The same base, trained without the packages that the domain asks about."""
        return self.model_copy(update={"exclude": tuple(sorted({*self.exclude, *domain.packages}))})

    def fingerprint(self) -> str:
        """Digest of the stored files."""
        return digest(json.loads((self.folder / "artifact.json").read_text())["files"])

    @cached_property
    def folder(self) -> Path:
        """Where it lies, in transformers' format."""
        store = Store(home() / "bases")
        key = digest({"embedded": self, "text": "docstrings"})
        found = store.get(key)
        if found is not None:
            return found
        about: dict[str, Any] = {"base": self.model_dump()}
        with store.put(key, about) as aside, metered() as meter:
            self._train(aside)
            about["cost"] = meter.cost.model_dump()
        made = store.get(key)
        assert made is not None  # stored a line above
        return made

    def _train(self, folder: Path) -> None:
        with progress("reading docstrings", 1) as advance:
            texts = list(installed_docstrings(self.exclude))
            advance(1)
        with quietly():
            tokenizer = _train_tokenizer(texts, self.vocab_size, self.max_seq_len)
            network = self._network(tokenizer)
        windows = list(self._windows(tokenizer, texts))
        from acclimate.nn.threads import use_threads_for
        from acclimate.training.batches import Example
        from acclimate.training.loop import Run, train
        from acclimate.training.settings import TrainingSettings

        settings = TrainingSettings(
            num_epochs=1, batch_size=1, weight_decay=0.1, max_seconds=self.max_seconds
        )
        use_threads_for(network.num_parameters())
        examples = [Example((), window) for window in windows]
        train(network, Run(examples, (), self.learning_rate, settings, self.seed))
        with quietly():
            network.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    def _network(self, tokenizer: Any) -> Any:
        import torch
        import transformers

        torch.manual_seed(self.seed)
        num_heads = max(1, self.embed_dim // 32)
        config = transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=self.embed_dim,
            # 8/3 of the width, as a gated layer has three matrices for a plain one's two.
            intermediate_size=round(self.embed_dim * 8 / 3 / 32) * 32,
            num_hidden_layers=self.num_layers,
            num_attention_heads=num_heads,
            num_key_value_heads=num_heads,
            max_position_embeddings=self.max_seq_len,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        return transformers.LlamaForCausalLM(config)

    def _windows(self, tokenizer: Any, texts: list[str]) -> Iterator[list[int]]:
        """Rows of equal length from the texts laid end to end, an end-of-text token between."""
        stream: list[int] = []
        left = self.num_tokens
        length = self.max_seq_len
        for text in texts:
            stream += [*tokenizer(text, verbose=False)["input_ids"], tokenizer.eos_token_id]
            while len(stream) >= length and left > 0:
                yield stream[:length]
                stream = stream[length:]
                left -= length
            if left <= 0:
                return


def _train_tokenizer(texts: list[str], vocab_size: int, max_seq_len: int) -> Any:
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<|endoftext|>", "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|endoftext|>",
        pad_token="<|pad|>",
        model_max_length=max_seq_len,
    )

"""From a prompt to token ids: template, chat template, cutting to the window."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from acclimate.core.errors import DataError
from acclimate.core.prompt import RUNNING_TEXT, Prompt
from acclimate.data.prompt_template import as_messages, as_text


@dataclass(frozen=True)
class PromptTokenizer:
    """Tokenizes prompts within one context window."""

    tokenizer: Any
    window: int
    is_seq2seq: bool = False

    def encode(self, prompt: Prompt, continuation: str = "") -> tuple[list[int], list[int]]:
        """Ids of the prompt, cut to leave room for the continuation and its end, and of both."""
        if not continuation:
            return self.fitted(prompt, 1)[1], []
        _, ids, (answer,) = self.encode_choices(prompt, [continuation], num_after=1)
        return ids, answer

    def encode_choices(
        self, prompt: Prompt, continuations: Sequence[str], *, num_after: int = 0
    ) -> tuple[Prompt, list[int], list[list[int]]]:
        """The prompt, cut to leave room for the longest continuation; its ids, and of each.

        Args:
            prompt: To be read.
            continuations: To stand after it, each by itself.
            num_after: Tokens that follow a continuation, for which room is left too.
        """
        ids, answers = self._encode(prompt, continuations)
        longest = max(map(len, answers)) + num_after
        if len(ids) + (0 if self.is_seq2seq else longest) > self.window:
            prompt = self.fitted(prompt, longest)[0]
            ids, answers = self._encode(prompt, continuations)
        return prompt, ids, answers

    def reserve(self, max_new_tokens: int) -> int:
        """Tokens to keep free for an answer: at most half of the window."""
        return 0 if self.is_seq2seq else min(max_new_tokens, self.window // 2)

    def fitted(self, prompt: Prompt, room: int) -> tuple[Prompt, list[int]]:
        """The prompt with passages cut, then examples dropped, until it leaves `room`; its ids.

        Raises:
            DataError: The question alone is longer than the context window.
        """
        limit = self.window - (0 if self.is_seq2seq else room)
        while (excess := len(ids := self._encode(prompt)[0]) - limit) > 0:
            if prompt.passages:
                prompt = self._cut_last_passage(prompt, excess)
            elif prompt.examples:
                prompt = prompt.with_parts(examples=prompt.examples[:-1])
            else:
                item = f"item '{prompt.item_id}' of task '{prompt.task}'"
                raise DataError(
                    f"{item if prompt.item_id else 'the prompt'} takes {limit + excess} "
                    f"tokens and {limit} fit beside its answer in the model's context window of "
                    f"{self.window}; shorten its question or take a base with a longer context"
                )
        return prompt, ids

    def text(self, prompt: Prompt) -> str:
        """The text that the model reads."""
        if not self._is_chat(prompt):
            return as_text(prompt)
        first, *rest = messages = as_messages(prompt)
        try:
            return self._chat(messages) + prompt.answer_prefix
        except DataError:
            if first["role"] != "system":
                raise
            # Some templates know no system role: say the instruction before the question.
            content = f"{first['content']}\n\n{rest[0]['content']}"
            return (
                self._chat([{"role": "user", "content": content}, *rest[1:]]) + prompt.answer_prefix
            )

    def _encode(
        self, prompt: Prompt, continuations: Sequence[str] = ()
    ) -> tuple[list[int], list[list[int]]]:
        """Ids of the whole prompt, and of each continuation as it is tokenized after it."""
        text = self.text(prompt)
        if self.is_seq2seq:
            ids, *answers = self._ids([text, *continuations], special=True)
            return ids or self._start, answers
        # A chat template writes its own special tokens.
        special = not self._is_chat(prompt)
        # Spaces belong to the word after them, as most vocabularies have it.
        stem = text.rstrip(" ") if continuations else text
        space = "" if self._begins_answer(prompt, text) else " "
        ids, *wholes = self._ids(
            [stem, *(text + space + c for c in continuations)], special=special
        )
        return ids or self._start, [whole[len(ids) :] for whole in wholes]

    @property
    def _start(self) -> list[int]:
        """The token before a text that begins from nothing."""
        ends = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        marks = [token for token in ends if token is not None]
        # Where a vocabulary marks neither end, a text begins after a line break.
        return marks[:1] or self._ids(["\n"], special=False)[0]

    def _chat(self, messages: list[dict[str, str]]) -> str:
        chat = self.tokenizer.apply_chat_template
        try:
            # Models that think unless told not to (Qwen3) would spend the answer on it; a method
            # that wants reasoning asks for it. Other templates pass over what they do not know.
            text = chat(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
            return str(text)
        except Exception as error:  # templates raise what they like
            raise DataError(f"the base's chat template refuses a prompt: {error}") from error

    def _is_chat(self, prompt: Prompt) -> bool:
        """Whether a chat template lays it out; running text is laid out by none."""
        is_running = prompt.template in {"", RUNNING_TEXT}
        return bool(self.tokenizer.chat_template) and not is_running

    def _begins_answer(self, prompt: Prompt, text: str) -> bool:
        """Whether an answer follows without a space: after one, or at the start of a chat turn."""
        is_turn = self._is_chat(prompt) and not prompt.answer_prefix
        return is_turn or text.endswith((" ", "\n"))

    def _ids(self, texts: list[str], *, special: bool) -> list[list[int]]:
        # Longer than the window is our business, not the tokenizer's to warn about.
        encoded = self.tokenizer(
            texts, add_special_tokens=special, return_attention_mask=False, verbose=False
        )
        return list(encoded["input_ids"])

    def _cut_last_passage(self, prompt: Prompt, excess: int) -> Prompt:
        *rest, last = prompt.passages
        encoded = self.tokenizer(
            last.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        ends = [end for _, end in encoded["offset_mapping"]]
        shortened = last.text[: ends[-excess - 1]].rstrip() if len(ends) > excess else ""
        passage = replace(last, text=shortened)
        return prompt.with_parts(passages=(*rest, passage) if shortened else tuple(rest))

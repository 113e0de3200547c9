"""From what a request holds, dialogues and running text, to prompts of the core."""

from collections.abc import Iterator, Sequence
from typing import Any

from acclimate.core.model import Model, NeuralModel
from acclimate.core.prompt import RUNNING_TEXT, Example, Prompt, Turn
from acclimate.core.rewriter import unwrap
from acclimate.core.storage.saved_model import descendants
from acclimate.server.api_errors import ApiError
from acclimate.server.openai.requests import ChatMessage, PromptText, Texts


def chat_prompt(model: Model, messages: Sequence[ChatMessage], task: str) -> Prompt:
    """A dialogue as a prompt.

    One question is asked as a study asks it. Of a longer dialogue, models that chat read the
    turns; to others what was said before is examples of questions and answers.

    Raises:
        ApiError: The user does not speak last.
    """
    instruction = "\n\n".join(m.text for m in messages if m.role in {"system", "developer"})
    spoken = [m for m in messages if m.role in {"user", "assistant"}]
    if not spoken or spoken[-1].role != "user":
        raise ApiError(422, "the last message must be the user's", param="messages")
    prompt = Prompt(spoken[-1].text, task=task, instruction=instruction)
    if len(spoken) == 1:
        return prompt
    if _chats(model):
        return prompt.with_parts(turns=tuple(Turn(m.role, m.text) for m in spoken))
    return prompt.with_parts(examples=tuple(_examples(spoken[:-1])))


def _examples(messages: Sequence[ChatMessage]) -> Iterator[Example]:
    questions: list[str] = []
    for message in messages:
        if message.role == "user":
            questions.append(message.text)
        else:
            yield Example("\n".join(questions), message.text)
            questions = []
    if questions:
        yield Example("\n".join(questions), "")


def _chats(model: Model) -> bool:
    tokenizers = [part.tokenizer for _, part in descendants(model) if isinstance(part, NeuralModel)]
    return any(tokenizer.chat_template for tokenizer in tokenizers)


def running_prompt(model: Model, text: PromptText, task: str) -> Prompt:
    """Text that the model shall go on with.

    Raises:
        ApiError: It is token ids, which the model has not.
    """
    plain = text if isinstance(text, str) else decode_ids(model, text)
    return Prompt(plain, task=task, template=RUNNING_TEXT)


def each(texts: PromptText | Texts) -> list[PromptText]:
    """One text or several, as several."""
    if isinstance(texts, str) or isinstance(texts[0], int):
        return [texts]  # type: ignore[list-item]
    return list(texts)  # type: ignore[arg-type]


def decode_ids(model: Model, ids: Sequence[int]) -> str:
    """The text of token ids; a start of text that encoding adds anyway is left out.

    Raises:
        ApiError: The model reads no token ids, or not these.
    """
    tokenizer = tokenizer_of(model)
    check_ids(tokenizer, ids)
    start = starts(tokenizer)
    if start and list(ids[: len(start)]) == start:
        ids = ids[len(start) :]
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))


def starts(tokenizer: Any) -> list[int]:
    """What encoding puts before every text."""
    ids: list[int] = tokenizer("a")["input_ids"]
    bare: list[int] = tokenizer("a", add_special_tokens=False)["input_ids"]
    return next((ids[:i] for i in range(len(ids)) if ids[i : i + len(bare)] == bare), [])


def check_ids(tokenizer: Any, ids: Sequence[int]) -> None:
    """Refuse ids that are none of the vocabulary's.

    Raises:
        ApiError: One is not.
    """
    if max(ids) >= len(tokenizer):
        raise ApiError(422, f"token id {max(ids)}, must be below {len(tokenizer)}", param="prompt")


def tokenizer_of(model: Model) -> Any:
    """The tokenizer of a model that stands on one network.

    Raises:
        ApiError: It stands on several, or on none.
    """
    core = unwrap(model).core
    if not isinstance(core, NeuralModel):
        raise ApiError(
            422, "this model has no token ids of its own; send the prompt as text", param="prompt"
        )
    return core.tokenizer

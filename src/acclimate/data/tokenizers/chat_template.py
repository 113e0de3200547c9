"""The chat template, what it says of turns, and which tokens end an answer."""

import copy
from typing import Any

from jinja2 import TemplateError

CHAT_TOKENS = ("<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML: the one layout that engines know by sight, whatever else they can read."""
CHAT_LETTERS = frozenset("system user assistant\n")
"""What the layout writes between its tokens."""
_ANSWER = "So it is"


def with_chat_template(tokenizer: Any) -> Any:
    """A copy that lays out chats: with its own template, or else ChatML and the tokens of it."""
    changed = copy.deepcopy(tokenizer)
    if not changed.chat_template:
        changed.add_tokens(list(CHAT_TOKENS), special_tokens=True)
        changed.chat_template = CHAT_TEMPLATE
    return changed


def end_of_turn(tokenizer: Any) -> int | None:
    """The token that its chat template writes after an answer; None: it writes none."""
    if not tokenizer.chat_template:
        return None
    chat = [{"role": "user", "content": "Is it?"}, {"role": "assistant", "content": _ANSWER}]
    try:
        text = str(tokenizer.apply_chat_template(chat, tokenize=False))
    except TemplateError:  # it refuses such a chat
        return None
    after = tokenizer(text.rpartition(_ANSWER)[2], add_special_tokens=False)["input_ids"]
    return next((i for i in after if i in tokenizer.added_tokens_decoder), None)


def stop_ids(network: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end an answer: of the tokenizer, and of the network's generation_config."""
    configured = getattr(network.generation_config, "eos_token_id", None)
    configured = configured if isinstance(configured, list | tuple) else [configured]
    return frozenset(i for i in (tokenizer.eos_token_id, *configured) if i is not None)


def ending(network: Any, tokenizer: Any) -> list[int]:
    """What a learned answer ends in: the end of a turn, if the model stops there, or of the text.

    Nothing for an encoder-decoder, whose answers are tokenized with their end.
    """
    if network.config.is_encoder_decoder:
        return []
    turn, stops = end_of_turn(tokenizer), stop_ids(network, tokenizer)
    if turn is not None and turn in stops:
        return [turn]
    # A tokenizer may not say what the network stops at.
    return sorted(stops)[:1] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]

"""Dialogues and texts as prompts."""

import pytest

from acclimate.core.prompt import RUNNING_TEXT, Example, Prompt, Turn
from acclimate.data.tokenizers.chat_template import with_chat_template
from acclimate.retrieval.rag_model import RagModel
from acclimate.server.api_errors import ApiError
from acclimate.server.openai.prompts import chat_prompt, decode_ids, each, running_prompt, starts
from acclimate.server.openai.requests import ChatMessage
from server.small_systems import Says


def said(*turns):
    return [ChatMessage(role=role, content=content) for role, content in turns]


DIALOGUE = said(
    ("system", "Be brief."),
    ("user", "Hello"),
    ("user", "Who?"),
    ("assistant", "Me."),
    ("user", "Why?"),
)


@pytest.fixture
def chatting(tiny):
    return type(tiny)(tiny.network, with_chat_template(tiny.tokenizer))


def test_one_question_is_asked_as_a_study_asks_it(chatting):
    asked = said(("system", "Choose."), ("developer", "Now."), ("user", "What?"))
    for model in (chatting, Says("x")):
        prompt = chat_prompt(model, asked, "colour")
        like = Prompt("What?", task="colour", instruction="Choose.\n\nNow.")
        assert prompt == like


def test_models_that_chat_read_turns(chatting):
    prompt = chat_prompt(chatting, DIALOGUE, "")
    assert prompt.question == "Why?"
    assert prompt.turns == (
        Turn("user", "Hello"),
        Turn("user", "Who?"),
        Turn("assistant", "Me."),
        Turn("user", "Why?"),
    )
    text = chatting.prompt_tokenizer.text(prompt)
    assert text.index("Be brief.") < text.index("Hello") < text.index("Me.") < text.index("Why?")


def test_others_read_what_was_said_as_examples(tiny):
    prompt = chat_prompt(tiny, DIALOGUE, "")
    assert prompt.examples == (Example("Hello\nWho?", "Me."),)
    assert prompt.question == "Why?"
    assert not prompt.turns
    assert tiny.prompt_tokenizer.text(prompt) == (
        "Be brief.\n\nQuestion: Hello\nWho?\nAnswer: Me.\n\nQuestion: Why?\nAnswer:"
    )


@pytest.mark.parametrize(
    "turns", [[("user", "a"), ("assistant", "b")], [("system", "a")], [("assistant", "b")]]
)
def test_the_user_speaks_last(turns):
    with pytest.raises(ApiError, match="last message must be the user's"):
        chat_prompt(Says("x"), said(*turns), "")


def test_parts_of_a_message_are_one_text():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert ChatMessage.model_validate({"role": "user", "content": parts}).text == "ab"


def test_running_text_is_laid_out_by_no_template(chatting):
    prompt = running_prompt(chatting, "Once upon", "")
    assert prompt.template == RUNNING_TEXT
    assert chatting.prompt_tokenizer.text(prompt) == "Once upon"
    assert chatting.encode(prompt)[0] == chatting.tokenizer("Once upon")["input_ids"]


def test_what_methods_add_stands_before_running_text(tiny):
    prompt = running_prompt(tiny, "Once upon", "").with_parts(
        examples=(Example("a?", "b"),), instruction="Go."
    )
    assert tiny.prompt_tokenizer.text(prompt) == "Go.\n\nQuestion: a?\nAnswer: b\n\nOnce upon"


def test_several_texts():
    assert each("a") == ["a"]
    assert each(["a", "b"]) == ["a", "b"]
    assert each([1, 2]) == [[1, 2]]
    assert each([[1, 2], [3]]) == [[1, 2], [3]]


def test_ids_are_the_text_they_stand_for(tiny):
    ids = tiny.tokenizer("What is the answer?  Yes .")["input_ids"]
    assert decode_ids(tiny, ids) == "What is the answer?  Yes ."
    assert starts(tiny.tokenizer) == []
    size = len(tiny.tokenizer)
    with pytest.raises(ApiError, match=f"token id {size}, must be below {size}"):
        decode_ids(tiny, [0, size])
    with pytest.raises(ApiError, match="send the prompt as text"):
        decode_ids(Says("x"), [1])


def test_a_start_that_encoding_adds_is_not_doubled(tiny):
    from tokenizers.processors import TemplateProcessing

    own = with_chat_template(tiny.tokenizer)
    template = TemplateProcessing(single="<|end|> $A", special_tokens=[("<|end|>", 0)])
    own.backend_tokenizer.post_processor = template
    model = type(tiny)(tiny.network, own)
    assert starts(own) == [0]
    ids = own("What is")["input_ids"]
    assert ids[0] == 0
    assert decode_ids(model, ids) == "What is"


def test_retrieval_searches_for_running_text(tiny):
    class Index:
        def search(self, queries, *, num_passages, mode):
            self.queries = queries
            return [[] for _ in queries]

    index = Index()
    model = RagModel(tiny, index, 2, "lexical")
    model.render([running_prompt(model, "Once upon", "")])
    assert index.queries == ["Once upon"]

"""Answers as chunks: what is written joins to what was said."""

import asyncio

import pytest

from acclimate.core.model import Completion
from acclimate.core.prompt import Passage
from acclimate.server.openai.responses import ChatReply, CompletionReply
from acclimate.server.openai.streaming import Chunks

CITED = Completion("a b", num_prompt_tokens=3, num_new_tokens=2, passages=(Passage("d", "t", "x"),))


def chunks_of(kind, made, num_each=1):
    async def give():
        for together in made:
            yield together

    async def read():
        reply = kind("id", 1, "m", num_each, False)
        return [chunk async for chunk in Chunks(reply, has_usage=True).of(give())]

    return asyncio.run(read())


def text_of(chunk):
    choice = chunk["choices"][0]
    return choice["text"] if "text" in choice else choice["delta"].get("content", "")


@pytest.mark.parametrize("kind", [ChatReply, CompletionReply])
@pytest.mark.parametrize(
    "made",
    [[["a", " "], ["b"], [CITED]], [["a b", CITED]], [[CITED]], [["a"], [" b", CITED]]],
)
def test_pieces_join_to_the_answer(kind, made):
    *written, told = chunks_of(kind, made)
    assert "".join(map(text_of, written)) == "a b"
    assert [c["choices"][0]["finish_reason"] for c in written][-1] == "stop"
    assert told["choices"] == []
    assert told["usage"]["total_tokens"] == 5


def test_chats_say_who_speaks_first_and_cite_last():
    first, *_, last, _ = chunks_of(ChatReply, [["a b"], [CITED]])
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    source = {"document": "d", "title": "t", "text": "x"}
    assert last["choices"][0]["delta"] == {"sources": [source]}


def test_several_answers_have_their_places():
    answers = [Completion("one"), Completion(""), Completion("three")]
    found = {0: "", 1: "", 2: ""}
    for chunk in chunks_of(ChatReply, [answers], num_each=3):
        for choice in chunk["choices"]:
            found[choice["index"]] += choice["delta"].get("content", "")
    assert found == {0: "one", 1: "", 2: "three"}

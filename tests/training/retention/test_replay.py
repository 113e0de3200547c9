"""General text among the training rows: how much, whose, and what cannot be."""

import pytest

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import DataError, NotApplicableError
from acclimate.core.rewriter import Unwrapped
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.finetune import answer_examples
from acclimate.training.retention.settings import Retention

ITEMS = tuple(Item(id=str(i), question=f"{i}?", target="the answer") for i in range(12))
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))


def rows(base, **retention):
    examples = Retention(**retention).finetune_spec(seed=3).examples
    found = list(examples(Unwrapped(base), DATA, "train"))
    assert found[: len(ITEMS)] == list(answer_examples(Unwrapped(base), DATA, "train"))
    return found[len(ITEMS) :]


def test_replay_is_its_share_of_the_rows_and_not_of_dev(tiny):
    found = rows(tiny, replay_share=0.25)
    assert len(found) == 4  # 4 of 16
    data = TrainData(train=DATA.train, dev=DATA.train)
    dev = Retention(replay_share=0.25).finetune_spec(seed=3).examples(Unwrapped(tiny), data, "dev")
    assert len(dev) == len(ITEMS)


def test_the_base_writes_what_is_replayed(tiny):
    found = rows(tiny, replay_share=0.5)
    assert found == rows(tiny, replay_share=0.5)
    assert len({tuple(row.answer) for row in found}) > 6
    assert all(list(row.prompt) == [0] and not row.is_learned for row in found)


def test_replay_from_a_file_begins_again_where_it_is_short(tiny, tmp_path):
    path = tmp_path / "general.jsonl"
    path.write_text('{"text": "The sea is wide."}\n{"text": "The night is long."}\n')
    found = rows(tiny, replay_share=0.5, replay_path=str(path))
    text = tiny.tokenizer.decode([*found[0].answer, *found[1].answer[1:]])
    assert text.startswith("<|end|>The sea is wide.<|end|>The night")
    assert len(found) == len(ITEMS)
    assert found[0] in found[1:]


def test_what_cannot_be_replayed_is_said(tiny, tmp_path, model_folder):
    with pytest.raises(ValueError, match="no such file"):
        Retention(replay_share=0.5, replay_path=str(tmp_path / "none"))
    (tmp_path / "blank.txt").write_text("")
    with pytest.raises(DataError, match="there is no text in it"):
        rows(tiny, replay_share=0.5, replay_path=str(tmp_path / "blank.txt"))
    t5 = HuggingFace(path=str(model_folder("t5"))).load()
    with pytest.raises(NotApplicableError, match="needs a decoder"):
        rows(t5, replay_share=0.5)

"""Averages of known members; what cannot be averaged is refused in a sentence."""

import pytest
import transformers

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.inference.local_model import LocalModel
from acclimate.methods.ensembles.average import Average
from acclimate.methods.tuning.lora import LoRA
from acclimate.models.local.recorded import Recorded
from acclimate.training.tuning_settings import TrainingSettings

BRIEF = TrainingSettings(num_epochs=1)


@pytest.fixture(scope="module")
def tuned(tiny, small_data):
    """Three adapters on one base."""
    return tuple(
        LoRA(learning_rate=rate, training=BRIEF).fit(tiny, small_data, seed=0)
        for rate in (1e-3, 3e-3, 1e-2)
    )


def storages(*models):
    """Bytes of each distinct weight in memory."""
    found = {}
    for model in models:
        for weight in model.network.state_dict(keep_vars=True).values():
            own = weight.untyped_storage()
            found[own.data_ptr()] = own.nbytes()
    return found


def prompts_of(data):
    return [prompt for prompt, _ in data.pairs("dev")]


def test_a_model_with_itself_changes_nothing(tiny, small_data):
    joint = Average(members=((), ())).fit(tiny, small_data, seed=0)
    prompts = prompts_of(small_data)
    pairs = [(p, text) for p in prompts for text in ("red", "seeds")]
    assert joint.loglikelihood(pairs) == tiny.loglikelihood(pairs)
    sampling = Sampling(max_new_tokens=5)
    texts = [c.text for c in joint.generate(prompts, sampling)]
    assert texts == [c.text for c in tiny.generate(prompts, sampling)]


def test_a_mixture_is_no_worse_than_its_members_on_average(tiny, small_data, tuned):
    method = Average(members=("lora", "lora", "lora"))
    joint = method.fit(tiny, small_data, seed=0, members=tuned)
    for prompt, item in small_data.pairs("dev"):
        # One token, where the bound is exact.
        pair = [(prompt, item.target[:1])]
        own = [m.loglikelihood(pair)[0] for m in tuned]
        if own[0].num_tokens == 1:
            mean = sum(w.logprob for w in own) / 3
            assert joint.loglikelihood(pair)[0].logprob >= mean - 1e-5


def test_adapters_on_one_base_share_its_weights(tiny, small_data, tuned, tmp_path):
    base = sum(storages(tiny).values())
    adapters = [
        sum(w.nbytes for n, w in m.network.state_dict().items() if "lora_" in n) for m in tuned
    ]
    assert sum(storages(tiny, *tuned).values()) <= base + sum(adapters)
    method = Average(members=("lora", "lora", "lora"))
    joint = method.fit(tiny, small_data, seed=0, members=tuned)
    save_model(joint, tmp_path / "kept", outside=tiny)
    again = load_model(tmp_path / "kept", outside=tiny)
    assert sum(storages(tiny, *again.members).values()) <= base + sum(adapters)
    # So they do where the ensemble is moved by itself, on the disk too.
    save_model(joint, tmp_path / "alone")
    assert len(list((tmp_path / "alone").rglob("model.safetensors"))) == 1
    moved = load_model(tmp_path / "alone")
    assert sum(storages(*moved.members).values()) <= base + sum(adapters)
    pairs = [(prompt, "red") for prompt in prompts_of(small_data)]
    assert moved.loglikelihood(pairs) == joint.loglikelihood(pairs)


def test_another_vocabulary_is_refused(tiny, small_data, tokenizer):
    other = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, eos_token="<|end|>"
    )
    other.add_tokens(["morning"])
    method, pair = Average(members=((), "zero_shot")), [tiny, LocalModel(tiny.network, other)]
    with pytest.raises(NotApplicableError, match=r"vocabularies .* byte_average joins them byte"):
        method.fit(tiny, small_data, seed=0, members=pair)


def test_a_table_of_answers_is_refused(tiny, small_data, tmp_path):
    table = tmp_path / "answers.csv"
    table.write_text("item,answer\nfood-robin,seeds\n")
    method = Average(members=((), {"name": "recorded", "path": str(table)}))
    with pytest.raises(NotApplicableError, match="gives only text; output_vote works"):
        method.fit(tiny, small_data, seed=0, members=[tiny, Recorded(path=table).load()])

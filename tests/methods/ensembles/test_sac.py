"""sac on members of known strength: against fixed weights, single members and the best policy."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from scipy import stats

from acclimate.core.catalogue import METHODS
from acclimate.core.domain import Item, Preference, Task, TrainData
from acclimate.core.errors import BackendError, ConfigError, NotApplicableError, UnknownNameError
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.ensembles.answer_level.tally import LEFT_OUT
from acclimate.evaluation.answers import answers_to, metrics_of
from small_members import any_base, choice_task, data_of, free_task, members_of

pytest.importorskip("stable_baselines3")

TOPICS = {
    "sea": ("fish", "wave", "tide", "harbour", "sail", "reef", "salt", "gull"),
    "land": ("field", "barn", "plough", "meadow", "fence", "wheat", "cow", "lane"),
}
RIGHT = {"sea": (0.95, 0.3, 0.6), "land": (0.3, 0.95, 0.6)}
"""Topic → how often members A, B and C are right, each by itself."""
NUM_SEEN, NUM_NEW = 300, 400

CONTRACT = {
    "objectives": {"value": {"brevity": 1.0}, "why": "must name objectives"},
    "temperatures": {"value": (0.0,), "why": "must be some, in rising order"},
    "num_components": {"value": 4, "why": "the small items have fewer than the default"},
}


def topic_items(rng, prefix, size):
    """Questions of four words of a topic and two of no topic."""
    found = []
    for number in range(size):
        topic = str(rng.choice(list(TOPICS)))
        words = [*rng.choice(TOPICS[topic], 4), *rng.choice(("what", "why", "near", "old"), 2)]
        question = " ".join(rng.permutation(words))
        item = Item(id=f"{prefix}{number}", question=question, target=f"right {number}")
        found.append((topic, item))
    return found


def world(folder, seed):
    """Tables of three members on seen and new items of two topics."""
    rng = np.random.default_rng(seed)
    seen, new = topic_items(rng, "seen", NUM_SEEN), topic_items(rng, "new", NUM_NEW)
    answers = [
        {
            item.id: item.target if rng.random() < RIGHT[topic][member] else f"wrong {member}"
            for topic, item in [*seen, *new]
        }
        for member in range(3)
    ]
    tables = members_of(folder, *answers)
    task = Task(name="say", metrics=("exact_match",), items=tuple(item for _, item in seen))
    right = np.array([[own[item.id] == item.target for own in answers] for _, item in new])
    return task, tables, new, right


def scores(model, task, items):
    metric = metrics_of(task)["exact_match"]
    return np.array([answer.score(metric) for answer in answers_to(model, task, items)])


def best_fixed(right):
    """The best of all weights of three members on the very items that are asked.

    As wrong answers of two members are never alike, what matters is who outweighs the sum of those
    that differ: a fine grid of weights meets every such order.
    """
    grid = [np.array(w) / 12 for w in product(range(13), repeat=3) if sum(w) == 12]

    def of(weights):
        votes = right @ weights
        wrong = np.where(right, 0.0, weights).max(1)
        return (votes > wrong).astype(float)

    return max((of(weights) for weights in grid), key=np.mean)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Five: what was learned in each, and what it was to be measured against."""
    found = []
    for seed in range(5):
        folder = tmp_path_factory.mktemp("world")
        task, tables, new, right = world(folder, seed)
        method = METHODS.build({"name": "sac", "members": tables, "num_updates": 200})
        with collect_log() as book:
            model = method.fit(any_base(folder), TrainData(train=(task,)), seed=seed)
        found.append((model, task, new, right, book.notes()))
    return found


def test_it_beats_members_and_fixed_weights_and_nears_the_best_policy(worlds):
    learned, single, fixed, ideal = [], [], [], []
    for model, task, new, right, _ in worlds:
        learned.append(scores(model, task, [item for _, item in new]))
        single.append(right[:, right.mean(0).argmax()].astype(float))
        fixed.append(best_fixed(right))
        # By construction: A at sea, B on land.
        best = [own[0 if topic == "sea" else 1] for (topic, _), own in zip(new, right, strict=True)]
        ideal.append(np.array(best, dtype=float))
    for rival in (single, fixed):
        by_seed = [a.mean() - b.mean() for a, b in zip(learned, rival, strict=True)]
        assert stats.ttest_1samp(by_seed, 0, alternative="greater").pvalue < 0.01
        ours, theirs = np.concatenate(learned), np.concatenate(rival)
        won, lost = int((ours > theirs).sum()), int((ours < theirs).sum())
        assert stats.binomtest(won, won + lost, alternative="greater").pvalue < 0.01
    assert np.mean(learned) > np.mean(ideal) - 0.02


def test_curves_and_facts_are_told(worlds):
    *_, notes = worlds[0]
    for name in (
        "mean reward on items held out",
        "entropy of the controller, nats",
        "entropy temperature, spreads of the reward a nat",
    ):
        assert [step for step, _ in notes.curves[name]] == list(range(20, 201, 20))
    assert notes.facts["items learned from"] == NUM_SEEN
    alone = [value for name, value in notes.facts.items() if name.endswith("mean reward alone")]
    assert len(alone) == 3
    assert max(alone) < notes.facts["mean reward if the best answer were always chosen"]


def test_saved_it_says_the_same_and_holds_no_pickle(worlds, tmp_path):
    model, task, new, _, _ = worlds[0]
    prompts = [task.prompt(item) for _, item in new]
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    assert again.generate(prompts, Sampling()) == model.generate(prompts, Sampling())
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds == {".yaml", ".jsonl", ".json", ".npy", ".safetensors"}


ITEMS = [f"q{i}" for i in range(60)]


def learned(folder, tables, data, **fields):
    spec = {"name": "sac", "members": tables, "num_updates": 150, **fields}
    return METHODS.build(spec).fit(any_base(folder), data, seed=0)


def test_two_objectives_at_two_weights_trace_a_front(tmp_path):
    task = free_task({i: f"{i} it is" for i in ITEMS})
    long = {i: f"{i} it is" for i in ITEMS}
    task = task.model_copy(
        update={"items": tuple(i.model_copy(update={"target": f"{i.id} it"}) for i in task.items)}
    )
    # One is right and wordy, by the user's own function; the other brief and wrong.
    own = tmp_path / "wanted.py"
    own.write_text("def reward(item, answer):\n    return float(item.id in answer)\n")
    tables = members_of(tmp_path, long, dict.fromkeys(ITEMS, "no"))
    ends = {}
    for right, brief in ((1.0, 0.2), (0.2, 1.0)):
        model = learned(
            tmp_path,
            tables,
            TrainData(train=(task,)),
            objectives={str(own): right, "brevity": brief},
        )
        said = [a.text for a in answers_to(model, task, task.items)]
        ends[right] = (
            np.mean([i.id in text for i, text in zip(task.items, said, strict=True)]),
            np.mean([min(1.0, 2 / len(text.split())) for text in said]),
        )
    assert ends[1.0] == pytest.approx((1.0, 2 / 3))
    assert ends[0.2] == pytest.approx((0.0, 1.0))


def test_users_ratings_are_learned_from(tmp_path):
    task = free_task(dict.fromkeys(ITEMS, "target"))
    tables = members_of(tmp_path, dict.fromkeys(ITEMS, "Yes."), dict.fromkeys(ITEMS, "no"))
    liked = tuple(Preference(prompt=f"{i}?", chosen="no", rejected="yes") for i in ITEMS)
    data = TrainData(train=(task,), preferences=liked)
    model = learned(tmp_path, tables, data, objectives={"rating": 1.0})
    assert {a.text for a in answers_to(model, task, task.items)} == {"no"}


def test_members_alone_are_told_where_they_answer(tmp_path):
    half = dict.fromkeys(ITEMS[:30], "no")
    tables = members_of(tmp_path, dict.fromkeys(ITEMS, "yes"), half, dict.fromkeys(ITEMS, ""))
    for task, best in (
        (free_task(dict.fromkeys(ITEMS, "no")), 0.5),
        (choice_task(dict.fromkeys(ITEMS, "no")), 0.5),
    ):
        with collect_log() as book:
            learned(tmp_path, tables, data_of(task), num_updates=10)
        facts = book.notes().facts
        alone = [facts[f"recorded ({n}): mean reward alone"] for n in (1, 2, 3)]
        assert alone == [0.0, 1.0, "answers none of them"]
        # Nobody gives the right answer to the other half, though it is among the choices.
        assert facts["mean reward if the best answer were always chosen"] == best


def test_choices_are_learned_from_too(tmp_path):
    targets = {i: "yes" if int(i[1:]) % 2 else "no" for i in ITEMS}
    task = choice_task(targets)
    wrong = {i: "no" if target == "yes" else "yes" for i, target in targets.items()}
    model = learned(tmp_path, members_of(tmp_path, wrong, targets), data_of(task))
    assert [a.text for a in answers_to(model, task, task.items)] == list(targets.values())


def test_the_tokens_level_learns_from_what_it_asks(tiny, small_data):
    task = small_data.train[1].model_copy(update={"metrics": ("brevity",)})
    data = TrainData(train=(task,))
    spec = {
        "name": "sac",
        "members": ("zero_shot", ({"name": "zero_shot", "instruction": "Be short."},)),
        "level": "tokens",
        "num_updates": 10,
        "num_asked": 10,
    }
    with collect_log() as book:
        model = METHODS.build(spec).fit(tiny, data, seed=0)
    assert len(book.notes().curves["mean reward of what was asked anew"]) == 10
    prompts = [task.prompt(item) for item in task.items]
    answers = model.generate(prompts, Sampling(max_new_tokens=4))
    assert all(answer.num_new_tokens for answer in answers)
    heat = model.controller.space.heat(model.controller.actions(prompts))
    assert ((heat >= 0) & (heat <= 1)).all()


@dataclass(frozen=True, eq=False)
class Broken(Model):
    """Fails at every third question, and counts how often it is asked."""

    asked: list

    def generate(self, prompts, sampling):
        self.asked.extend(prompts)
        if any(int(prompt.item_id[1:]) % 3 == 0 for prompt in prompts):
            raise BackendError("no answer")
        return [Completion(f"{prompt.item_id} right") for prompt in prompts]

    def loglikelihood(self, pairs):
        return [LogLikelihood(-1.0, 1, len(text)) for _, text in pairs]


@dataclass(frozen=True, eq=False)
class Sound(Broken):
    """Never fails, and is never right."""

    def generate(self, prompts, sampling):
        self.asked.extend((prompt, sampling.temperature) for prompt in prompts)
        return [Completion("wrong") for _ in prompts]


def broken_and_sound(task, **fields):
    members = (Broken([]), Sound([]))
    method = METHODS.build({"name": "sac", "num_updates": 150, **fields})
    data = TrainData(train=(task,))
    return method.fit(members[0], data, seed=0, members=members), members


def test_a_member_that_fails_is_left_out_and_counted():
    task = free_task({i: f"{i} right" for i in ITEMS})
    model, _ = broken_and_sound(task)
    with collect_log() as book:
        said = [a.text for a in answers_to(model, task, task.items)]
    assert said == ["wrong" if int(i[1:]) % 3 == 0 else f"{i} right" for i in ITEMS]
    assert book.notes().facts[LEFT_OUT] == pytest.approx(20 / 120)


def test_the_log_asks_once_a_temperature_and_learning_off_line_no_more():
    task = free_task({i: f"{i} right" for i in ITEMS})
    _, (_, sound) = broken_and_sound(task, temperatures=(0.0, 0.5, 1.0))
    assert len(sound.asked) == 3 * len(ITEMS)
    assert {heat for _, heat in sound.asked} == {0.0, 0.5, 1.0}


@dataclass(frozen=True, eq=False)
class Warm(Sound):
    """Right only where it may draw."""

    def generate(self, prompts, sampling):
        return [Completion(f"{p.item_id} right" if sampling.temperature else "x") for p in prompts]


def test_the_temperature_is_learned():
    task = free_task({i: f"{i} right" for i in ITEMS})
    members = (Warm([]), Warm([]))
    method = METHODS.build({"name": "sac", "num_updates": 150})
    model = method.fit(members[0], TrainData(train=(task,)), seed=0, members=members)
    # Whoever asks, asks greedily: what was learned takes that temperature's place.
    assert scores(model, task, task.items).mean() > 0.95


def test_on_line_it_asks_anew():
    task = free_task({i: f"{i} right" for i in ITEMS})
    _, (_, sound) = broken_and_sound(task, temperatures=(0.0,), num_asked=15)
    assert len(sound.asked) == len(ITEMS) + 15


def test_without_a_reward_the_objectives_are_named():
    with pytest.raises(ConfigError, match=r"score, rating, .*brevity.*\.py file"):
        METHODS.build({"name": "sac", "objectives": {}})
    with pytest.raises(ConfigError, match=r"no such file; a reward may be the path of a \.py"):
        METHODS.build({"name": "sac", "objectives": {"/nowhere/wanted.py": 1.0}})
    with pytest.raises(UnknownNameError, match="did you mean brevity"):
        METHODS.build({"name": "sac", "objectives": {"brevty": 1.0}})


def test_what_cannot_be_is_said(tmp_path, tiny):
    with pytest.raises(ConfigError, match="at least one, from 0 on"):
        METHODS.build({"name": "sac", "temperatures": [-1.0]})
    tables = members_of(tmp_path, {"a": "x"}, {"a": "y"})
    with pytest.raises(NotApplicableError, match="there are none"):
        learned(tmp_path, tables, TrainData())
    task = free_task({"a": "x"})
    with pytest.raises(NotApplicableError, match="rating needs preferences"):
        learned(tmp_path, tables, data_of(task), objectives={"rating": 1.0})
    with pytest.raises(NotApplicableError, match="output_vote"):
        learned(tmp_path, tables, data_of(task), level="tokens")

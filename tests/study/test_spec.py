"""A study file: recipes and their labels, and one sentence for each mistake."""

import pytest

from acclimate.core.errors import AcclimateError, ConfigError, UnknownNameError
from acclimate.study.spec import make_spec, read_spec, recipes_of


def labels(*recipes):
    return [r.label for r in recipes_of(make_spec({"domain": "d", "recipes": recipes}, "study"))]


def test_labels_are_names_and_fields_only_where_needed():
    assert labels("few_shot", ["lora", "hybrid_rag"]) == ["base", "few_shot", "lora + hybrid_rag"]
    short = {"num_epochs": 1}
    assert labels(
        {"name": "lora", "rank": 4, "training": short},
        {"name": "lora", "rank": 8, "training": short},
        {"name": "lora", "rank": 4, "alpha": 2.0, "training": short},
        {"name": "lora", "rank": 8, "training": {}},
    )[1:] == ["lora", "lora(rank=8)", "lora(alpha=2.0)", "lora(rank=8, training={})"]
    assert labels({"name": "lora", "rank": 4}, {"name": "lora", "rank": 8}) == [
        "base",
        "lora",
        "lora(rank=8)",
    ]


def test_members_of_ensembles_are_named_and_told_whole_where_names_are_alike():
    small, large = {"name": "lora", "rank": 4}, {"name": "lora", "rank": 8}
    pair = {"name": "average", "members": ["zero_shot", small]}
    chained = {"name": "average", "members": ["zero_shot", ["few_shot", small]]}
    other = {"name": "average", "members": ["zero_shot", ["few_shot", large]]}
    assert labels(pair, chained, other)[1:] == [
        "average",
        "average(members=[zero_shot, [few_shot, lora]])",
        f"average(members={other['members']})",
    ]


def test_the_same_recipe_twice_is_refused():
    with pytest.raises(ConfigError, match="'lora' stands there twice"):
        labels("lora", "lora")


def test_all_is_every_method():
    from acclimate.core.catalogue import METHODS

    spec = make_spec({"domain": "d", "recipes": "all"}, "study")
    assert set(spec.recipes) == set(METHODS.entries)


def test_a_string_is_a_name_or_a_folder():
    spec = make_spec({"domain": "my/folder", "base": "owner/model"}, "study")
    assert str(spec.domain_source().path) == "my/folder"
    assert spec.base_source().path == "owner/model"
    assert type(make_spec({"domain": "python_docs"}, "s").domain_source()).__name__ == "PythonDocs"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("domain: [", "line 1"),
        ("just words", "a mapping"),
        ("domain: d\nbasis: x", "did you mean base"),
        ("domain: d\nconfidence: 2", "confidence=2"),
        ("base: x", "domain is missing"),
        ("domain: d\ndomain: e", "line 2: .*'domain' stands there twice"),
        ("domain: d\n3: e", "no field is called '3'"),
        ("domain: d\nseeds: [0, 0]", "must all be different"),
        ("domain: d\nseeds: [-1]", r"seeds\.0=-1: input should be greater than or equal to 0$"),
        ("domain: d\nseeds: []", "must have at least one"),
        ("domain: d\nseeds: [4294967296]", "less than 4294967296"),
        ("domain: d\nrecipes: []", "recipes is empty and nothing is recorded"),
        ("domain: d\nmonths: .inf", "months=inf: input should be a finite number"),
        ("domain: d\nlimits: {max_latency: 1}", "did you mean max_latency_seconds"),
        ("domain: d\nlimits: {min_quality: .nan}", "min_quality=nan"),
        ("domain: d\nprices: {gpu_hour: 1}", "no field of prices is .*did you mean gpu_hour_usd"),
        ("domain: d\nprices: {gpu_hour_usd: -1}", "gpu_hour_usd=-1"),
        (
            "domain: d\nrecipes: [null]",
            r"recipes\.0=None: input should be a valid string, or a map",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path, text, says):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(AcclimateError, match=says) as found:
        read_spec(path)
    assert found.value.exit_code == 2
    assert str(path) in str(found.value)
    assert "\n" not in str(found.value)


def test_recorded_answers_alone_are_enough():
    assert not make_spec({"domain": "d", "recipes": [], "recorded": {"a": "b.csv"}}, "s").recipes


def test_a_misspelt_entry_of_the_model_catalogue_gives_the_nearest():
    with pytest.raises(UnknownNameError, match="'embeded'; did you mean embedded"):
        make_spec({"domain": "d", "base": "embeded"}, "study").base_source()


def test_unknown_methods_are_met_before_anything_runs():
    spec = make_spec({"domain": "d", "recipes": ["lroa"]}, "study")
    with pytest.raises(UnknownNameError, match="did you mean lora"):
        recipes_of(spec)[1].chain()


def test_a_method_in_a_file_of_ones_own(tmp_path):
    path = tmp_path / "shout.py"
    path.write_text(
        '"""Ask loudly."""\n'
        "from acclimate.core.method import Method\n"
        "from acclimate.prompting.instruction import InstructionModel\n"
        "class Shout(Method):\n"
        '    """Loud."""\n'
        '    words: str = "ANSWER!"\n'
        '    """Said first."""\n'
        "    def fit(self, base, data, *, seed):\n"
        '        return InstructionModel(base, self.words, "")\n'
    )
    spec = make_spec({"domain": "d", "recipes": [{"name": str(path), "words": "NOW!"}]}, "study")
    recipe = recipes_of(spec)[1]
    assert recipe.label == "shout"
    assert recipe.chain().methods[0].words == "NOW!"


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_capability_lost": 10}, "must be from 0 to 1; got 10"),
        ({"max_latency_seconds": -1}, "must be at least 0; got -1"),
    ],
)
def test_a_bound_that_cannot_be_is_refused(limits, told):
    with pytest.raises(ConfigError, match=told):
        make_spec({"domain": "d", "limits": limits}, "study")


def test_forgetting_may_be_asked_to_be_negative():
    spec = make_spec({"domain": "d", "limits": {"max_forgetting_bits_per_byte": -0.1}}, "study")
    assert spec.limits == {"max_forgetting_bits_per_byte": -0.1}

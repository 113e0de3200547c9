"""Each ensemble stands beside the best of its members, and whether one is above it is said."""

import numpy as np

from acclimate.statistics.compare import compare
from acclimate.study.analysis.ensemble_vs_members import beside_members
from acclimate.study.spec import make_spec, recipes_of

LORA = {"name": "lora", "rank": 2}
RECIPES = (
    LORA,
    ["few_shot", LORA],
    {"name": "output_vote", "members": [LORA, ["few_shot", LORA], []]},
    ["few_shot", {"name": "average", "members": [[], LORA]}],
    {"name": "cascade", "members": ["zero_shot", "one_shot"]},
    {"name": "stacked", "members": [{"name": "recorded", "path": "them.csv"}, "zero_shot"]},
)


def said(**scores):
    """By recipe, in order, the share of 200 items that it gets right; what is absent has none."""
    spec = make_spec(
        {"domain": "d", "recipes": RECIPES, "recorded": {"them": "them.csv"}}, "a study"
    )
    rows = {
        name.replace("_then_", " + "): (np.arange(200) < 200 * share).astype(float)
        for name, share in scores.items()
    }
    found = compare(rows, [str(i) for i in range(200)])
    return beside_members(recipes_of(spec), found, spec)


def test_one_that_is_above_is_named():
    summary, vote = said(base=0.2, lora=0.4, few_shot_then_lora=0.5, output_vote=0.8, cascade=0.9)
    assert summary == "Significantly above the best of its members: output_vote."
    assert vote.startswith("output_vote: better, +0.300 (+0.")
    assert "p < 0.001) against few_shot + lora, the best of its members here" in vote


def test_that_none_is_above_is_said_too():
    summary, vote = said(base=0.2, lora=0.4, few_shot_then_lora=0.5, output_vote=0.505)
    assert summary == "No ensemble is significantly above its best member."
    assert vote.startswith("output_vote: no difference shown, +0.005")


def test_what_stands_before_an_ensemble_stands_before_its_members():
    _, average = said(base=0.9, few_shot_then_lora=0.5, few_shot_then_average=0.3)
    assert average.startswith("few_shot + average: worse, -0.200")
    assert "against few_shot + lora" in average


def test_tables_are_members_as_well():
    _, stacked = said(base=0.2, them=0.7, stacked=0.7)
    assert "against them, the best" in stacked


def test_where_no_member_was_measured_nothing_is_said():
    assert said(base=0.2, cascade=0.9) == ()

"""Tables of answers are members of an ensemble in a study, whether they answer dev or not."""

import pytest

from acclimate.core.catalogue import TASKS
from acclimate.study.run import run_study
from acclimate.study.spec import make_spec
from small_members import table
from small_study import write_domain


def answered(folder, items, share, name):
    """A table that is right on the first of its items."""
    rows = [
        {"item": item.id, "answer": item.target if at < share * len(items) else "white"}
        for at, item in enumerate(items)
    ]
    return table(folder / name, rows)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_study_of_tables_alone(tmp_path):
    folder = write_domain(tmp_path / "birds", has_documents=False)
    domain = TASKS.build({"name": "folder", "path": str(folder)}).load()
    dev, test = ([i for task in part for i in task.items] for part in (domain.dev, domain.test))
    members = [answered(tmp_path, dev + test, 0.3 * k, f"whole{k}.csv") for k in (1, 2, 3)]
    partial = [answered(tmp_path, test, 0.3 * k, f"partial{k}.csv") for k in (1, 2, 3)]
    recipes = [
        {"name": "output_vote", "members": members},
        {"name": "cascade", "members": members},
        {"name": "output_vote", "members": partial},
        {"name": "stacked", "members": partial},
    ]
    spec = make_spec({"domain": str(folder), "base": members[0], "recipes": recipes}, "a study")
    found = run_study(spec, tmp_path / "out")
    by_label = {standing.recipe: standing for standing in found.standings}
    assert len(by_label) == 5
    refused = next(s for label, s in by_label.items() if label.startswith("stacked"))
    assert "answers no dev item, and stacked is learned there" in refused.reason
    for label, standing in by_label.items():
        if label.startswith("output_vote"):
            assert standing.quality is not None, standing.reason
            (notes,) = standing.notes["while answering"]
            assert 0 <= notes.facts["votes that were ties, share"] <= 1
    # The first table is the base, and so a member that was measured by itself.
    assert len(found.ensembles) == 3
    assert "against base, the best of its members here" in found.ensembles[1]
    told = by_label["cascade"].notes["cascade"][0].facts
    assert "quality kept on dev, share of the best member's" in told
    assert "passed on to member 2, share of questions" in (
        by_label["cascade"].notes["while answering"][0].facts
    )

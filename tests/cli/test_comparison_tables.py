"""Tables name every system, and each difference has the sign its title says."""

import io

import pytest
from rich.console import Console

from acclimate.cli._comparison_tables import (
    number_cell,
    p_value,
    pairs_table,
    systems_table,
    verdict,
)
from acclimate.statistics.comparison import Comparison, Difference, Estimate


def difference(better, worse, delta, *, is_significant=False):
    return Difference(
        better=better,
        worse=worse,
        delta=delta,
        low=delta - 0.1,
        high=delta + 0.3,
        p_value=0.04,
        holm_p=0.12,
        is_significant=is_significant,
    )


COMPARISON = Comparison(
    confidence=0.9,
    num_items=10,
    num_clusters=10,
    estimates={
        name: Estimate(mean=mean, low=mean - 0.05, high=mean + 0.05)
        for name, mean in {"lora": 0.75, "[rag]": 0.5, "base": 0.25}.items()
    },
    differences=(
        difference("lora", "[rag]", 0.25),
        difference("lora", "base", 0.5, is_significant=True),
        difference("[rag]", "base", 0.25),
    ),
)


def lines(table, width=80):
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    return console.file.getvalue().splitlines()


def test_systems_best_first():
    text = lines(systems_table(COMPARISON))
    rows = [line.split() for line in text if " to " in line]
    assert [row[1] for row in rows] == ["lora", "[rag]", "base"]
    assert rows[0] == ["1", "lora", "0.750", "0.700", "to", "0.800"]
    assert any("90 % interval" in line for line in text)


def test_every_pair_is_better_minus_worse():
    text = lines(pairs_table(COMPARISON))
    (row,) = (line.split() for line in text if "lora over base" in line)
    assert row[3:] == ["+0.500", "+0.400", "to", "+0.800", "0.0400", "0.1200", "better"]
    assert sum(" over " in line for line in text) == 3


def test_against_the_best_signs_turn():
    text = lines(pairs_table(COMPARISON, against="lora"))
    rows = [line.split() for line in text if " to " in line]
    assert "Each system minus lora" in text[0]
    assert rows[0][:5] == ["[rag]", "-0.250", "-0.550", "to", "-0.150"]
    assert [row[-1] for row in rows] == ["undecided", "worse"]


def test_against_one_in_the_middle():
    text = lines(pairs_table(COMPARISON, against="[rag]"))
    assert [line.split()[:2] for line in text if " to " in line] == [
        ["lora", "+0.250"],
        ["base", "-0.250"],
    ]


def test_long_names_fold_within_80_columns():
    long = "few_shot(shots=8) + hybrid_rag(num_passages=4) + self_consistency"
    text = lines(
        pairs_table(COMPARISON.model_copy(update={"differences": (difference(long, "b", 0.2),)}))
    )
    assert max(map(len, text)) <= 80
    joined = "".join(line.strip().split("  ")[0] for line in text).replace(" ", "")
    assert "self_consistencyoverb" in joined
    assert any("+0.200" in line and "undecided" in line for line in text)


def test_words_and_numbers():
    assert verdict(difference("a", "b", 1, is_significant=True), -1) == "worse"
    assert [number_cell(v) for v in (0.12345, -0.0001, 1234.5)] == ["0.123", "0.000", "1234"]
    assert [number_cell(v, signed=True) for v in (0.5, 0.0, -0.5)] == ["+0.500", "0.000", "-0.500"]
    assert [p_value(v) for v in (1.0, 0.0123, 0.00001)] == ["1.0000", "0.0123", "<0.0001"]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut(width):
    for table in (systems_table(COMPARISON), pairs_table(COMPARISON)):
        assert not any("…" in line for line in lines(table, width))

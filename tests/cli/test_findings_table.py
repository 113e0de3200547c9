"""The table in the terminal."""

import re
from io import StringIO

from rich.console import Console

from acclimate.cli._findings_table import WIDE, findings_table
from acclimate.study.findings import Recommendation
from example_findings import TABLE, example, standing


def shown(width: int = 100, **fields) -> str:
    console = Console(width=width, file=StringIO())
    console.print(findings_table(example(**fields)))
    return console.file.getvalue()


def test_it_fits_a_hundred_columns() -> None:
    assert max(map(len, shown().splitlines())) <= 100


def test_every_recipe_with_its_numbers() -> None:
    text = shown(width=140)
    for row in TABLE:
        assert row[0].split(",")[0] in text
    assert "0.702 [0.671, 0.733]  +0.190 better" in text
    assert "+0.029 unclear" in text
    assert "is the base" in text
    assert re.search(r" not measured\b", text)


def test_what_has_no_result_or_breaks_a_limit() -> None:
    text = shown(width=140)
    assert "dpo: skipped, dpo needs preferences" in text
    assert "chain_of_thought: median latency 583 ms, above the limit of 500 ms" in text


def test_the_recommendation_in_full() -> None:
    found = Recommendation(pick="lora", beats_base=True, reason="Why [bold]so[/]", changes=("If",))
    text = shown(recommendation=found)
    assert "Why [bold]so[/]" in text
    assert "• If" in text
    assert "→ lora" in text


def test_what_was_not_measured_fits_too() -> None:
    gaps = dict.fromkeys(("latency_seconds", "fit_seconds", "total_usd"))
    other = standing("a tool with a name of many words", 0.6).model_copy(update=gaps)
    text = shown(width=WIDE, standings=(other,))
    assert max(map(len, text.splitlines())) <= WIDE
    assert text.splitlines()[5].split().count("measured") >= 3

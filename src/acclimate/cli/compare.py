"""Compare systems on per-item scores that any tool wrote."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from acclimate.cli._comparison_tables import pairs_table, systems_table
from acclimate.cli._terminal import console
from acclimate.statistics.compare import compare
from acclimate.statistics.comparison import Comparison
from acclimate.study.external_scores import read_results

MAX_SYSTEMS_ALL_PAIRS = 10
"""With more, 45 pairs and up, only those with the best are printed."""


def run(
    results: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV, JSONL, JSON or Parquet; either the columns item, system, score, "
            "or item and one column a system; a column 'group' joins items that vary together."
        ),
    ],
    confidence: Annotated[
        float, typer.Option(help="Of the intervals; 1 minus it is the level of the tests.")
    ] = 0.95,
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with every pair.")] = False,
) -> None:
    """Compare systems on per-item scores: paired intervals and tests, for any tool's output."""
    table = read_results(results)
    comparison = compare(table.scores, table.clusters, confidence=confidence, seed=seed)
    if as_json:
        typer.echo(comparison.model_dump_json(indent=2))
    else:
        _print(console(), comparison)


def _print(out: Console, comparison: Comparison) -> None:
    out.print(_items(comparison))
    out.print()
    out.print(systems_table(comparison))
    best = next(iter(comparison.estimates))
    is_short = len(comparison.estimates) > MAX_SYSTEMS_ALL_PAIRS
    out.print(pairs_table(comparison, against=best if is_short else None))
    out.print(_notes(comparison, is_short), markup=False)


def _items(comparison: Comparison) -> str:
    text = f"{len(comparison.estimates)} systems paired on {comparison.num_items} items"
    if comparison.num_clusters < comparison.num_items:
        text += f" in {comparison.num_clusters} groups"
    if comparison.num_left_out:
        text += f"; left out {comparison.num_left_out} that some system has no score of"
    return text + "."


def _notes(comparison: Comparison, is_short: bool) -> str:
    num_pairs = len(comparison.differences)
    is_grouped = comparison.num_clusters < comparison.num_items
    is_binary = comparison.differences[0].mcnemar_p is not None
    flips = f"sign flips by {'group' if is_grouped else 'item'}"
    test = "the exact McNemar test" if is_binary and not is_grouped else flips
    notes = [
        f"p: {test}. Holm p: adjusted for all {num_pairs} pairs.",
        f"undecided: Holm p is not below {1 - comparison.confidence:.4g}, so the items do not "
        "tell the two apart.",
    ]
    if is_short:
        notes.append(
            f"Shown are {len(comparison.estimates) - 1} of {num_pairs} pairs, those with the best "
            "system; --json gives all."
        )
    return "\n".join(notes)

"""A study's findings in the terminal: the pick, and a table of a hundred columns."""

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from acclimate.cli._terminal import UNBOUNDED
from acclimate.study import wording
from acclimate.study.analysis.gap import gap
from acclimate.study.analysis.recommendation_rule import measured
from acclimate.study.findings import Findings, Standing

STYLES = {"better": "green", "worse": "red", "no difference shown": "dim"}


WIDE = 104
"""Columns that the whole table takes; a narrower terminal is not shown what making one took."""


def findings_table(findings: Findings, width: int = WIDE) -> RenderableType:
    """Every recipe, its tasks, what has no result and why, and the recommendation."""
    rows = measured(findings.standings)
    table = _table(findings, rows, width)
    parts: list[RenderableType] = [table, _by_task(findings, rows, width)]
    parts += [_note(s, "; ".join(s.breaks)) for s in rows if s.breaks]
    parts += [_note(s, f"{s.status}, {s.reason}") for s in findings.standings if s not in rows]
    parts.append(_recommendation(findings, width))
    return Group(*parts)


def _table(findings: Findings, rows: list[Standing], width: int) -> Table:
    is_wide = width >= WIDE
    table = _table_of_recipes(width)
    table.add_column("quality [interval]", no_wrap=True)
    table.add_column("vs base", no_wrap=True)
    table.add_column("latency", justify="right", no_wrap=True)
    if is_wide:
        table.add_column("fit", justify="right", no_wrap=True)
        table.add_column("USD\ntotal", justify="right", no_wrap=True)
    table.add_column("forgot\nbits/byte", justify="right")
    for s in rows:
        cells = _cells(findings, s)
        shown = cells if is_wide else [*cells[:4], *cells[6:]]
        if width >= UNBOUNDED:
            shown = [Text(" ").join(cell.split()) for cell in shown]
        table.add_row(*shown, style="bold" if _is_pick(findings, s) else "")
    return table


def _table_of_recipes(width: int) -> Table:
    """An empty one whose first column names recipes: in a pipe, with no line broken."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=False)
    longest = 28 if width < UNBOUNDED else None
    table.add_column("recipe", overflow="fold", min_width=18, max_width=longest)
    return table


def _by_task(findings: Findings, rows: list[Standing], width: int) -> Table:
    """Each task's main metric, so that one sees which method helps with what."""
    table = _table_of_recipes(width)
    main = {task: next(iter(metrics)) for s in rows[:1] for task, metrics in s.tasks.items()}
    for task, metric in main.items():
        name = Text(f"{task}\n{metric}")
        table.add_column(name, justify="right", overflow="fold")
    for s in rows:
        means = [s.tasks[task][metric].mean for task, metric in main.items()]
        style = "bold" if _is_pick(findings, s) else ""
        table.add_row(Text(s.recipe), *(f"{mean:.3f}" for mean in means), style=style)
    return table


def _cells(findings: Findings, s: Standing) -> list[Text]:
    bits = s.forgetting.bits_per_byte if s.forgetting else None
    return [
        Text(("→ " if _is_pick(findings, s) else "") + s.recipe),
        Text(wording.interval(s.quality)),
        _verdict(findings, s),
        _narrow(wording.duration(s.latency_seconds)),
        _narrow(wording.duration(s.fit_seconds)),
        _narrow(wording.money(s.total_usd).removesuffix(" USD")),
        Text(wording.NOT_MEASURED if bits is None else wording.signed(bits)),
    ]


def _narrow(number: str) -> Text:
    """A number; what was not measured goes on two lines, as it is wider than any number."""
    return Text(number.replace(wording.NOT_MEASURED, wording.NOT_MEASURED.replace(" ", "\n")))


def _verdict(findings: Findings, standing: Standing) -> Text:
    difference = gap(findings.comparison, standing.recipe, findings.base)
    if difference is None:
        return Text("is the base" if standing.recipe == findings.base else "not compared")
    word = "unclear" if not difference.is_significant else difference.verdict
    return Text(f"{wording.signed(difference.delta)} {word}", style=STYLES[difference.verdict])


def _note(standing: Standing, what: str) -> Text:
    return Text(f"{standing.recipe}: {what}", style="yellow")


def _recommendation(findings: Findings, width: int) -> RenderableType:
    """The pick and why; framed where it is wrapped, as a frame cannot be wider than a screen."""
    recommendation = findings.recommendation
    title = Text(recommendation.pick or "no pick")
    text = Text(recommendation.reason)
    for change in recommendation.changes:
        text.append(f"\n• {change}", style="dim")
    if width >= UNBOUNDED:
        return Group(title, text)
    return Panel(text, title=title, title_align="left")


def _is_pick(findings: Findings, standing: Standing) -> bool:
    return standing.recipe == findings.recommendation.pick

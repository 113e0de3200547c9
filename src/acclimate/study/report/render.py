"""The report's page and its Markdown, from one set of values."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from acclimate.statistics.comparison import Estimate
from acclimate.study import wording
from acclimate.study.analysis.gap import gap
from acclimate.study.analysis.recommendation_rule import measured
from acclimate.study.findings import Capability, Findings, Standing
from acclimate.study.report.figures import curve_figures, figures
from acclimate.study.report.fit_notes import fit_notes
from acclimate.study.report.page_text import GLOSSARY, facts, horizon, statistics, written
from acclimate.study.report.task_table import task_tables

SIGNS = {"better": "▲", "worse": "▼", "no difference shown": "○"}
"""Beside the verdict, so that it is told by shape as well as by colour."""


def html(findings: Findings) -> str:
    """The page; it names nothing outside itself, and runs no script."""
    pages = _environment(autoescape=True)
    style = pages.get_template("style.css").render()
    values = _values(findings) | {"charts": figures(findings), "style": Markup(style)}
    once = [t for t in values["told"] if not t.same_as]
    values["drawn"] = [curve_figures(t, number) for number, t in enumerate(once)]
    return pages.get_template("report.html.j2").render(values)


def markdown(findings: Findings) -> str:
    """The same as Markdown, without the charts."""
    pages = _environment(autoescape=False, finalize=_plain)
    text = pages.get_template("report.md.j2").render(_values(findings))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _environment(**settings: Any) -> Environment:
    environment = Environment(
        loader=PackageLoader("acclimate.study.report", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
    names = ("duration", "money", "memory", "interval", "probability", "signed", "lost", "share")
    environment.filters |= {name: getattr(wording, name) for name in names}
    environment.filters |= {"ends": _ends, "forgot": _forgot, "forgot_too": _forgot_too}
    environment.filters["lost_share"] = _lost_share
    environment.filters |= {"per_thousand": _per_thousand, "breakable": _breakable}
    return environment


def _values(findings: Findings) -> dict[str, Any]:
    rows = measured(findings.standings)
    pick = next((s for s in rows if s.recipe == findings.recommendation.pick), None)
    values: dict[str, Any] = {
        "f": findings,
        "pick": pick,
        "rows": rows,
        "absent": [s for s in findings.standings if s not in rows],
        "tasks": task_tables(findings),
        "told": fit_notes(rows),
        "gap": lambda recipe: gap(findings.comparison, recipe, findings.base),
        "sign": SIGNS,
        "confidence": wording.percent(findings.comparison.confidence),
        "horizon": horizon(findings),
        "written": written(findings),
        "facts": facts(findings),
        "statistics": statistics(findings),
        "glossary": GLOSSARY,
        "stale": wording.stale(findings.stale),
    }
    return values | _headline(findings)


def _headline(findings: Findings) -> dict[str, str]:
    recommendation = findings.recommendation
    if not recommendation.pick:
        return {"eyebrow": "No recommendation", "headline": "Nothing keeps the limits"}
    if recommendation.pick == findings.base:
        named = "" if recommendation.pick == "base" else f", {recommendation.pick}"
        return {"eyebrow": "Recommended", "headline": f"Keep the base{named}"}
    shown = (
        "better than the base" if recommendation.beats_base else "not shown better than the base"
    )
    return {"eyebrow": f"Recommended; {shown}", "headline": f"Use {recommendation.pick}"}


def _ends(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"[{estimate.low:.3f}, {estimate.high:.3f}]"


def _forgot(standing: Standing) -> str:
    return wording.bits(standing.forgetting.bits_per_byte if standing.forgetting else None)


def _forgot_too(standing: Standing) -> str:
    """What stands below the bits per byte."""
    if standing.forgetting and standing.forgetting.accuracy is not None:
        return f"accuracy {wording.signed(standing.forgetting.accuracy)}"
    if standing.is_recorded:
        return "made elsewhere"
    return "weights changed" if standing.is_trained else "weights unchanged"


def _lost_share(capability: Capability | None) -> str:
    """What stands below that: in the table there is room for the share alone."""
    if capability is None or not capability.num_items:
        return wording.lost(capability)
    return f"lost {wording.share(capability.lost)}"


def _per_thousand(usd: float | None) -> str:
    return wording.money(None if usd is None else 1000 * usd)


def _breakable(label: str) -> Markup:
    """A label that may be broken where its parts meet, and nowhere else if there is room."""
    return Markup(re.sub(r"([_(,/])", r"\1<wbr>", str(escape(label))))


def _plain(value: object) -> str:
    """Text that Markdown takes as it stands: on one line, nothing in it a sign of layout."""
    return re.sub(r"([\\\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(str(value).split()))

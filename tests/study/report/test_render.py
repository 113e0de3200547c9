"""The page stands alone, hides nothing, invents nothing and cannot be broken into."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from acclimate.core.runtime.fit_log import Notes
from acclimate.study.findings import Confirmation, Disagreement, Findings, Recommendation
from acclimate.study.report.write import write_report
from example_findings import example, standing


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("report")
    write_report(example(), where)
    return where


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def rendered(tmp_path: Path, **fields) -> tuple[str, str]:
    write_report(example(**fields), tmp_path)
    return (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()


class Tags(HTMLParser):
    """Collects tags with their attributes, and checks that they nest."""

    VOID = {"meta", "br", "wbr", "link", "img", "hr"}

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_light_and_names_nothing_outside(page: str) -> None:
    assert len(page.encode()) < 1_000_000
    for tag, attributes in Tags(page).found:
        assert tag not in {"script", "link", "iframe", "img"}
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_the_page_is_well_formed(page: str) -> None:
    tags = Tags(page)
    assert tags.open == []
    ids = [a["id"] for _, a in tags.found if "id" in a]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for _, a in tags.found if a.get("href")]
    assert set(targets) <= set(ids)


def test_tables_can_be_read_aloud(page: str) -> None:
    names = [tag for tag, _ in Tags(page).found]
    assert names.count("table") == names.count("caption")
    assert all(a.get("scope") for tag, a in Tags(page).found if tag == "th")
    assert all(a.get("aria-label") for tag, a in Tags(page).found if tag == "figure")


def test_what_broke_a_limit_is_said(page: str) -> None:
    assert "median latency 655 ms, above the limit of 500 ms" in page


def test_the_pick_leads(page: str) -> None:
    found = example().recommendation
    assert f'<h2 id="headline">Use {found.pick.replace("_", "_<wbr>")}</h2>' in page
    assert page.index("Recommended; better than the base") < page.index('id="results"')
    for change in found.changes:
        assert change.replace(">", "&gt;") in page


def test_none_is_never_blank_nor_zero(tmp_path: Path) -> None:
    bare = standing("bare", 0.9, latency_seconds=None).model_copy(
        update={"total_usd": None, "request_usd": None, "fit_usd": None}
    )
    html, markdown = rendered(tmp_path, standings=(bare,))
    row = html[html.index('<th scope="row">bare') :].split("</tr>")[0]
    assert row.count("not measured") == 9  # latency 2, money 3, memory, forgetting, lost, time
    assert not re.search(r"<td[^>]*>\s*(<small></small>)?</td>", html)
    assert not re.search(r"\bNone\b|\bnan\b", html + markdown)
    line = next(line for line in markdown.splitlines() if "| bare |" in line)
    assert line.count("not measured") == 6


ATTACK = "<script>alert(1)</script>\"' onload=x {{ 7*7 }} | `x` [a](javascript:b)"


def _attacked() -> Findings:
    plain = example()
    told = Notes(facts={ATTACK: ATTACK}, curves={ATTACK: ((0.0, 1.0), (1.0, 2.0))})
    evil = standing(ATTACK, 0.9, notes={ATTACK: (told,)})
    case = Disagreement(
        task=ATTACK, question=ATTACK, target=ATTACK, answers={ATTACK: ATTACK}, scores={ATTACK: 1.0}
    )
    return plain.model_copy(
        update={
            "title": ATTACK,
            "standings": (*plain.standings, evil),
            "disagreements": (case,),
            "num_items": {ATTACK: 3},
            "hardware": ATTACK,
            "hashes": {ATTACK: ATTACK},
            "recommendation": Recommendation(
                pick=ATTACK, beats_base=False, reason=ATTACK, changes=(ATTACK,)
            ),
        }
    )


def test_what_models_wrote_stays_text(tmp_path: Path) -> None:
    write_report(_attacked(), tmp_path)
    html = (tmp_path / "report.html").read_text()
    assert "script" not in [tag for tag, _ in Tags(html).found]
    assert not any("onload" in a for _, a in Tags(html).found)
    assert "&lt;script&gt;" in html
    assert "{{ 7*7 }}" in html
    markdown = (tmp_path / "report.md").read_text()
    assert not re.search(r"(?<!\\)<script", markdown)
    assert "](javascript" not in markdown.replace("\\]", "")


def test_the_base_can_be_the_answer(tmp_path: Path) -> None:
    found = Recommendation(pick="tiny-base", beats_base=False, reason="Nothing beats the base.")
    html, markdown = rendered(tmp_path, recommendation=found)
    assert "Keep the base, tiny-base" in html
    assert markdown.startswith("# Statutes of a city: Keep the base, tiny-base\n")
    assert "What would change the pick" not in html


def test_no_pick_at_all(tmp_path: Path) -> None:
    found = Recommendation(pick="", beats_base=False, reason="no recipe keeps every limit")
    html, _ = rendered(tmp_path, recommendation=found)
    assert "Nothing keeps the limits" in html
    assert '<dl class="figures">' not in html


def test_a_pick_that_was_not_confirmed_is_an_alarm(tmp_path: Path) -> None:
    html, markdown = rendered(
        tmp_path, confirmation=Confirmation(recipe="lora", num_items=400, num_different=3)
    )
    assert 'role="alert"' in html
    assert "3 scores differ" in html
    assert "NOT CONFIRMED" in markdown
    html, _ = rendered(tmp_path, confirmation=None)
    assert "Not confirmed: the saved pick was not scored again." in html


def test_retrieval_is_shown_where_it_was_measured(page: str) -> None:
    assert "0.870" in page
    assert "recall_at_k" in page
    assert "only recipes that retrieve have them" in page


def test_a_base_that_stays_needs_no_confirming_and_is_named_once(tmp_path: Path) -> None:
    found = Recommendation(pick="base", beats_base=False, reason="Nothing beats the base.")
    html, markdown = rendered(
        tmp_path,
        base="base",
        standings=(standing("base", 0.5),),
        recommendation=found,
        confirmation=None,
    )
    assert ">Keep the base</h2>" in html
    assert html.count(">base</span>") == 0
    assert "| base (the pick) |" in markdown
    for text in (html, markdown):
        assert "nothing was saved, so there is nothing to confirm" in text
        assert "not confirmed" not in text.lower()


def test_what_an_answer_rests_on_is_named(tmp_path: Path) -> None:
    case = Disagreement(
        task="facts", question="q?", target="a", answers={"rag": "a", "few": "b"},
        scores={"rag": 1.0, "few": 0.0}, sources={"rag": ("one.md", "two.md")},
    )  # fmt: skip
    html, markdown = rendered(tmp_path, disagreements=(case,))
    assert html.count("rests on one.md, two.md") == html.count("rests on") == 1
    assert "a (rests on one.md, two.md)" in markdown


def test_prompts_can_be_read(tmp_path: Path) -> None:
    asked = standing("few", 0.6, prompts={"facts": "Q: is 1 < 2?\nA:"})
    html, _ = rendered(tmp_path, standings=(asked,))
    assert '<dt>few</dt><dd tabindex="0">Q: is 1 &lt; 2?\nA:</dd>' in html
    assert "What each recipe read" not in rendered(tmp_path)[0]

"""The report in a real browser: what scrolls says so, and every chart shows all its words."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from acclimate.study.report.write import write_report
from example_findings import example

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(example(), folder)
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def shown(browser, address):
    """Open the report, so wide, in that scheme."""
    opened = []

    def of(width, scheme="light"):
        size = {"width": width, "height": 800}
        context = browser.new_context(viewport=size, color_scheme=scheme)
        opened.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield of
    for context in opened:
        context.close()


def edge(page):
    """Colours near the right end of the results' caption, where there are no words, and inside."""
    table = page.get_by_role("region", name="Results of every recipe")
    picture = Image.open(BytesIO(table.screenshot())).convert("RGB")
    return picture.getpixel((picture.width - 5, 5)), picture.getpixel((picture.width // 2, 5))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_that_goes_on_to_the_right_is_shaded_there_till_its_end(shown, scheme):
    page = shown(390, scheme)
    outer, inner = edge(page)
    assert max(abs(a - b) for a, b in zip(outer, inner, strict=True)) > 20
    page.get_by_role("region", name="Results of every recipe").evaluate(
        "(one) => one.scrollTo(one.scrollWidth, 0)"
    )
    outer, inner = edge(page)
    assert outer == inner
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_table_that_is_whole_has_no_shade(shown):
    outer, inner = edge(shown(1280))
    assert outer == inner


@pytest.mark.parametrize("width", [390, 1280])
def test_no_word_of_a_chart_is_cut(shown, width):
    outside = shown(width).evaluate(
        """[...document.querySelectorAll('.chart text')].filter((text) => {
            const own = text.getBoundingClientRect();
            const all = text.ownerSVGElement.getBoundingClientRect();
            return own.left < all.left - 1 || own.top < all.top - 1
                || own.right > all.right + 1 || own.bottom > all.bottom + 1;
        }).map((text) => text.textContent)"""
    )
    assert outside == []

"""The interface's page in a real browser that reaches nothing but its server."""

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture
def docs(serve, visit):
    """Open `/docs`; what it may not load, or asks of others, is a fault."""

    def of(**how):
        running = serve()
        page = visit(running, "docs", **how)
        expect(page.get_by_role("heading", name="Objects")).to_be_visible()
        return page, running.app.openapi()

    return of


def test_every_path_stands_there_with_every_field(docs):
    page, told = docs()
    headings = page.locator("#paths h3").all_text_contents()
    ways = [(way.upper(), path) for path, ways in told["paths"].items() for way in ways]
    assert sorted(headings) == sorted(f"{way} {path}" for way, path in ways)
    schemas = told["components"]["schemas"]
    chat = page.locator("article", has=page.get_by_role("heading", name="/v1/chat/completions"))
    names = chat.locator(".fields").last.locator("dt").all_text_contents()
    assert sorted(names) == sorted(schemas["ChatRequest"]["properties"])
    assert set(names[:2]) == set(schemas["ChatRequest"]["required"])
    for name, about in schemas["ChatRequest"]["properties"].items():
        said = about["description"].replace("`", "")
        expect(field(chat, name)).to_contain_text(said)
    expect(chat.locator("summary")).to_contain_text("Answers: 200, 400, 401")


def field(place, name):
    return place.locator(".fields > div").filter(
        has=place.page.locator("dt").get_by_text(name, exact=True)
    )


def test_types_limits_and_defaults_are_words(docs):
    page, _ = docs()
    chat = page.locator("article", has=page.get_by_role("heading", name="/v1/chat/completions"))
    expect(field(chat, "model").locator(".type")).to_have_text("string; required")
    messages = field(chat, "messages").locator(".type")
    expect(messages).to_have_text("list of ChatMessage (at least 1); required")
    top_p = field(chat, "top_p").locator(".type")
    expect(top_p).to_have_text("number (> 0, ≤ 1) or null; may be left out")
    stop = field(chat, "stop").locator(".type")
    expect(stop).to_contain_text("list of string (at least 1 characters) (at most 16) or null")
    train = page.locator("article", has=page.get_by_role("heading", name="/feedback/train.jsonl"))
    expect(field(train, "task (query)").locator(".type")).to_contain_text('default: ""')


def test_by_keyboard_alone(docs):
    page, _ = docs()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the interface")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#contents a").first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
        within = page.evaluate("document.activeElement.closest('article')?.id")
        assert within == "post-v1-chat-completions"
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".answers").first).to_contain_text("No key, or a wrong one.")
    links = page.locator("main a").evaluate_all("all => all.map((a) => a.hash.slice(1))")
    ids = page.locator("article").evaluate_all("all => all.map((one) => one.id)")
    assert set(links) <= set(ids)
    assert len(set(ids)) == len(ids)


def test_it_fits_a_phone(docs):
    page, _ = docs(**PHONE)
    for summary in page.locator("summary").all():
        summary.evaluate("(one) => one.click()")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_document_that_cannot_be_read_is_a_sentence(serve, visit):
    page = visit(serve(), "docs")
    page.route("**/openapi.json", lambda route: route.abort())
    page.reload()
    expect(page.locator("#about")).to_contain_text("The document could not be read.")

"""The page in a real browser: chat, stream, vote, rate, correct, export, server gone and back."""

import re
from pathlib import Path

import pytest

from acclimate.server.feedback.store import (
    Correction,
    FeedbackStore,
    Rating,
    ShownAnswer,
    StoredComparison,
    StoredMessage,
    Vote,
)
from acclimate.tasks.files.folder.items import read_items, read_preferences
from server.page_server import WORDS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
expect.set_options(timeout=20_000)


def ask(page, text):
    page.get_by_label("Your question").fill(text)
    page.keyboard.press("Enter")


def test_chat_streams_text_and_sources_and_never_html(serve, visit):
    running = serve(pause=0.4)
    page = visit(running)
    expect(page).to_have_title("<winner>")
    ask(page, "May dogs?")
    text = page.locator(".answer .text")
    expect(text).to_have_text(re.compile(r"^Dogs\b(?!.*img)"))  # some of it is there before all is
    expect(text).to_have_text("".join(WORDS))
    assert page.locator(".log img").count() == 0
    page.locator(".sources summary").click()
    expect(page.locator(".sources")).to_contain_text("Of The laws.")
    expect(page.locator("#heard")).to_contain_text("Dogs may not.")
    page.get_by_label("Answered by").select_option("base")
    ask(page, "And cats?")
    expect(page.locator(".answer")).to_have_count(2)
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    ((prompt, _),) = running.app.state.systems["base"].asked
    (before,) = prompt.examples
    assert (before.question, before.answer) == ("May dogs?", "".join(WORDS))
    assert prompt.question == "And cats?"
    expect(page).to_have_title("<winner>")
    page.get_by_role("button", name="New chat").click()
    ask(page, "Again?")
    expect(page.locator(".answer")).to_have_count(1)
    assert running.app.state.systems["base"].asked[-1][0].examples == ()


def test_by_keyboard_alone(serve, visit):
    page = visit(serve(["word "] * 200, pause=0.05))
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(page.get_by_label("Your question")).to_have_value("one\ntwo")
    page.keyboard.press("Enter")
    expect(page.locator(".answer .text")).to_contain_text("word word")
    page.keyboard.press("Escape")
    expect(page.locator(".answer .note")).to_have_text("Stopped.")
    expect(page.get_by_label("Your question")).to_be_focused()
    seen = set()
    for _ in range(14):
        page.keyboard.press("Shift+Tab")
        seen.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 20)"))
        shape = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        inside = page.evaluate("document.activeElement !== document.body")
        assert shape == "solid" or not inside
    assert {"Good", "Bad", "Correct", "Chat", "Compare", "Feedback"} <= seen


def test_every_control_has_a_name(serve, visit):
    page = visit(serve())
    ask(page, "May dogs?")
    expect(page.get_by_role("button", name="Good")).to_be_visible()
    unnamed = page.evaluate(
        """[...document.querySelectorAll('button, input, select, textarea, a')].filter(
            (e) => !(e.textContent.trim() || e.labels?.length || e.ariaLabel)).length"""
    )
    assert unnamed == 0


def test_two_answers_a_vote_and_only_then_who(serve, visit, tmp_path):
    page = visit(serve(["<i>yes</i>"]), "#compare")
    page.get_by_label("A question for both").fill("May dogs?")
    page.keyboard.press("Enter")
    expect(page.locator("#compare-said")).to_have_text("Which answer is better?")
    shown = page.locator(".pair .text").all_text_contents()
    assert sorted(shown) == ["<i>yes</i>", "no"]
    assert page.locator("#compare").get_by_text("winner").count() == 0
    page.keyboard.press("2")
    expect(page.locator("#compare-said")).to_contain_text("Kept, thank you.")
    second = {"no": "base", "<i>yes</i>": "<winner>"}[shown[1]]
    expect(page.locator(".pair h3").last).to_have_text(f"Second answer: {second}")
    expect(page.locator(".pair .sources")).to_have_text(re.compile("The laws"))
    store = FeedbackStore(tmp_path / "feedback.sqlite")
    (vote,) = store.all(Vote)
    (comparison,) = store.all(StoredComparison)
    assert (vote.choice, vote.ticket) == ("second", comparison.ticket)
    assert [answer.text for answer in comparison.answers] == shown
    expect(page.get_by_role("button", name="Tie")).to_be_disabled()


def test_ratings_and_corrections_are_downloaded_as_a_domain_reads_them(serve, visit, tmp_path):
    page = visit(serve(["Dogs may not."]))
    ask(page, "May dogs?")
    page.get_by_role("button", name="Bad").click()
    expect(page.get_by_role("button", name="Bad")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Correct").click()
    field = page.get_by_label("How it should read")
    expect(field).to_be_focused()
    expect(field).to_have_value("Dogs may not.")
    field.fill("Dogs may.")
    page.get_by_role("button", name="Keep correction").click()
    expect(page.locator(".said")).to_have_text("Kept, thank you.")
    expect(field).to_be_hidden()
    expect(page.locator(".answer .text")).to_have_text("Dogs may.")
    expect(page.locator(".mark .note")).to_have_text("Corrected by you.")
    page.get_by_text("What it said").click()
    expect(page.locator(".mark details p")).to_have_text("Dogs may not.")
    page.get_by_role("link", name="Feedback").click()
    expect(page.locator("#counts")).to_contain_text("1")
    for label, name in (("preferences", "preferences.jsonl"), ("examples", "train.jsonl")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"Download {label}").click()
        assert saved.value.suggested_filename == name
        saved.value.save_as(tmp_path / name)
    (liked,) = read_preferences(tmp_path / "preferences.jsonl")
    assert (liked.prompt, liked.chosen) == ("May dogs?", "Dogs may.")
    assert liked.rejected == "Dogs may not."
    (placed,), _, _ = read_items(tmp_path / "train.jsonl", "train", ())
    assert (placed.item.question, placed.item.target) == ("May dogs?", "Dogs may.")


def test_a_server_that_goes_and_comes_back(serve, visit):
    running = serve(["Dogs may not."])
    page = visit(running)
    expect(page.get_by_label("Answered by")).to_be_visible()
    running.stop()
    ask(page, "May dogs?")
    banner = page.locator("#link")
    expect(banner).to_contain_text("The server does not answer.")
    expect(page.locator(".answer .note")).to_contain_text("The server does not answer.")
    running.start()
    expect(banner).to_have_text("The server is back.")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".answer .text")).to_have_text("Dogs may not.")
    expect(page.locator(".answer")).to_have_count(1)
    running.stop()  # nobody asks anything: it is seen all the same
    expect(banner).to_contain_text("The server does not answer.")
    running.start()
    expect(banner).to_have_text("The server is back.")


def test_a_conversation_goes_on_from_a_corrected_answer_and_keeps_what_was_asked(
    serve, visit, tmp_path
):
    running = serve(["Dogs may not."])
    page = visit(running)
    ask(page, "May dogs?")
    for number, better in enumerate(("Dogs may.", "Dogs may go in.")):
        first = page.locator(".answer").first
        first.get_by_role("button", name="Correct").click()
        first.get_by_label("How it should read").fill(better)
        first.get_by_role("button", name="Keep correction").click()
        expect(first.locator(".text")).to_have_text(better)
        expect(first.locator(".mark .note")).to_have_count(1)
        ask(page, "And cats?")
        expect(page.get_by_role("button", name="Good")).to_have_count(2 + number)
        (prompt, _) = running.app.state.systems["<winner>"].asked[-1]
        assert prompt.examples[0].answer == better
    page.get_by_role("button", name="Good").nth(1).click()
    expect(page.locator(".said").nth(1)).to_have_text("Kept, thank you.")
    store = FeedbackStore(tmp_path / "feedback.sqlite")
    assert [one.answer.text for one in store.all(Correction)] == ["Dogs may not."] * 2
    (rated,) = store.all(Rating)
    assert rated.messages[1].content == "Dogs may."


def test_an_answer_that_was_cut_says_so_in_a_chat_and_beside_another(serve, visit):
    running = serve(["Dogs may"])
    running.app.state.systems["<winner>"].is_cut = True
    said = "Cut: it reached the longest answer that is allowed."
    page = visit(running)
    ask(page, "May dogs?")
    expect(page.locator(".log .note")).to_have_text(said)
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("A question for both").fill("May dogs?")
    page.keyboard.press("Enter")
    expect(page.locator(".pair .note")).to_have_text(said)
    card = page.locator(".pair .answer", has_text="Dogs may")
    expect(card).to_contain_text(said)
    card.get_by_role("button", name="Correct").click()
    card.get_by_label("How it should read").fill("Dogs may not.")
    card.get_by_role("button", name="Keep correction").click()
    expect(card.locator(".text")).to_have_text("Dogs may not.")
    expect(card.locator(".note")).to_have_text("Corrected by you.")


def test_what_goes_wrong_is_a_sentence(serve, visit):
    page = visit(serve())
    ask(page, "refuse")
    expect(page.locator(".log .note")).to_contain_text("the prompt is longer than the context")
    ask(page, "break")
    expect(page.locator(".log .note").last).to_contain_text("the passages are gone")


def test_a_question_that_is_refused_can_be_edited_and_is_not_asked_again(serve, visit):
    running = serve(["Dogs may not."])
    page = visit(running)
    field = page.get_by_label("Your question")
    ask(page, "refuse")
    expect(page.get_by_role("button", name="Edit the question")).to_be_visible()
    expect(page.get_by_role("button", name="Ask again")).to_have_count(0)
    expect(page.get_by_role("button", name="Ask it in a new chat")).to_have_count(0)
    field.fill("later")
    page.get_by_role("button", name="Edit the question").click()
    expect(field).to_be_focused()
    expect(field).to_have_value("refuse\nlater")
    expect(page.get_by_text("Ask something.")).to_be_visible()
    expect(page.get_by_role("button", name="New chat")).to_be_hidden()
    ask(page, "May dogs?")
    expect(page.locator(".answer .text")).to_have_text("Dogs may not.")


def test_what_a_long_conversation_left_no_room_for_is_asked_in_a_new_one(serve, visit):
    running = serve(["Dogs may not."])
    page = visit(running)
    ask(page, "May dogs?")
    expect(page.get_by_role("button", name="Good")).to_be_visible()
    ask(page, "refuse")
    page.get_by_role("button", name="Ask it in a new chat").click()
    expect(page.locator(".question")).to_have_text("refuse")
    expect(page.get_by_role("button", name="Edit the question")).to_be_visible()
    assert running.app.state.systems["<winner>"].asked[-1][0].examples == ()


def test_an_answer_that_the_server_does_not_end_is_told(serve, visit):
    running = serve(["Dogs "] * 200, pause=0.1)
    page = visit(running)
    ask(page, "May dogs?")
    expect(page.locator(".answer .text")).to_contain_text("Dogs Dogs")
    running.stop()
    expect(page.locator(".log .note")).to_contain_text(re.compile("broke off|does not answer"))


def test_where_nobody_is_asked_back_there_is_only_the_chat(serve, visit):
    page = visit(serve(["Dogs may not."], feedback=None))
    ask(page, "May dogs?")
    expect(page.locator(".answer .text")).to_have_text("Dogs may not.")
    expect(page.get_by_role("link", name="Compare")).to_be_hidden()
    expect(page.get_by_role("button", name="Good")).to_be_hidden()


def test_an_address_of_what_there_is_not_leads_to_the_chat(serve, visit):
    page = visit(serve(["Dogs may not."], feedback=None), "#compare")
    expect(page.get_by_label("Your question")).to_be_focused()
    expect(page.locator("#compare")).to_be_hidden()


def test_focus_is_never_lost_and_answers_have_names(serve, visit):
    how = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    page = visit(serve(["Dogs may not."]), "#compare", **how)
    page.get_by_label("A question for both").fill("May dogs?")
    page.keyboard.press("Enter")
    for name in ("First answer", "Second answer"):
        card = page.get_by_role("article", name=name)
        expect(card.get_by_role("button", name="Good")).to_be_visible()
    page.get_by_role("button", name="First is better").click()
    expect(page.get_by_role("group", name="Answers")).to_be_focused()
    page.get_by_role("link", name="Feedback").click()
    expect(page.get_by_role("heading", name="Feedback")).to_be_focused()


def test_an_answer_without_words_can_be_corrected(serve, visit, tmp_path):
    page = visit(serve([""]))
    ask(page, "May dogs?")
    expect(page.locator(".answer .note")).to_have_text("It said nothing.")
    page.get_by_role("button", name="Correct").click()
    page.keyboard.type("No.")
    page.get_by_role("button", name="Keep correction").click()
    expect(page.locator(".said")).to_have_text("Kept, thank you.")
    (given,) = FeedbackStore(tmp_path / "feedback.sqlite").all(Correction)
    assert (given.answer.text, given.corrected) == ("", "No.")
    ask(page, "Truly?")
    expect(page.locator(".answer")).to_have_count(2)


def test_questions_are_asked_as_a_task_of_the_domain(serve, visit, tmp_path):
    running = serve(["Dogs may not."], tasks=["law", "manners"])
    page = visit(running)
    page.get_by_label("Asked as").select_option("manners")
    ask(page, "May dogs?")
    page.get_by_role("button", name="Good").click()
    expect(page.locator(".said")).to_have_text("Kept, thank you.")
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("A question for both").fill("May cats?")
    page.keyboard.press("Enter")
    expect(page.locator("#compare-said")).to_have_text("Which answer is better?")
    store = FeedbackStore(tmp_path / "feedback.sqlite")
    assert [one.task for one in (*store.all(Rating), *store.all(StoredComparison))] == [
        "manners"
    ] * 2
    assert {p.task for p, _ in running.app.state.systems["<winner>"].asked} == {"manners"}


def test_what_was_given_without_a_task_is_given_one_when_it_leaves(serve, visit, tmp_path):
    about = {
        "messages": (StoredMessage(role="user", content="May dogs?"),),
        "answer": ShownAnswer(text="no"),
    }
    FeedbackStore(tmp_path / "feedback.sqlite").add(Rating(rating="up", **about))
    page = visit(serve(tasks=["law", "manners"]), "#given")
    page.get_by_role("button", name="Download examples").click()
    expect(page.locator("#given-said")).to_contain_text("1 of 1 rows name no task")
    page.get_by_label("Task of what was given without one").fill("law")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download examples").click()
    saved.value.save_as(tmp_path / "train.jsonl")
    (placed,), _, _ = read_items(tmp_path / "train.jsonl", "train", ("law", "manners"))
    assert placed.task == "law"


def test_a_key_is_asked_for_and_kept_for_the_tab(serve, visit, tmp_path):
    (tmp_path / "report.html").write_text("<p>found</p>")
    page = visit(serve(["Dogs may not."], keys=["open sesame, please"]))
    field = page.get_by_label("This server asks for an API key.")
    expect(field).to_be_focused()
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-said")).to_have_text("That key was not accepted.")
    field.fill("open sesame, please")
    page.keyboard.press("Enter")
    expect(field).to_be_hidden()
    ask(page, "May dogs?")
    expect(page.locator(".answer .text")).to_have_text("Dogs may not.")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Report").click()
    assert Path(saved.value.path()).read_text() == "<p>found</p>"
    page.reload()
    expect(page.get_by_label("Answered by")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0


def test_the_report_is_a_link(serve, visit, tmp_path):
    (tmp_path / "report.html").write_text("<style>p { color: red }</style><p>found</p>")
    page = visit(serve())
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Report").click()
    expect(opened.value.locator("p")).to_have_text("found")
    expect(opened.value.locator("p")).to_have_css("color", "rgb(255, 0, 0)")


@pytest.mark.parametrize("part", ["#chat", "#compare", "#given"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(serve, visit, part, scheme):
    how = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    page = visit(
        serve(["x" * 400], tasks=["law" * 20, "manners"]), part, color_scheme=scheme, **how
    )
    if part == "#chat":
        ask(page, "y" * 300)
        expect(page.get_by_role("button", name="Good")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box["height"] >= 36
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390


def test_a_question_before_the_page_knows_who_answers_waits_for_it(serve, visit):
    running = serve(["Dogs may not."])
    page = visit(running)
    page.evaluate("document.getElementById('model').replaceChildren()")
    ask(page, "May dogs?")
    expect(page.locator(".answer .text")).to_have_text("Dogs may not.")

"""Pages and Markdown without their markup."""

import pytest

from acclimate.data.corpus.markup import markdown_text, page_text

PAGE = """<html><head><title>T</title><script>let x = 1;</script></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<main><h1>A heading</h1><p>The first paragraph has &amp; says something of use.</p>
<p>The second one goes on for a while with <b>bold</b> words.</p><pre>def f():
    return 1</pre></main>
<footer>Copyright and contact</footer></body></html>"""


def test_the_main_part_of_a_page():
    text = page_text(PAGE)
    for said in ("A heading", "paragraph has & says", "with bold words", "    return 1"):
        assert said in text
    for boilerplate in ("Home", "About us", "Copyright", "let x", "<"):
        assert boilerplate not in text


def test_a_page_without_a_main_part_gives_all_it_has():
    assert page_text("<nav>Only a menu</nav>").strip() == "Only a menu"
    assert page_text("") == ""


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("# A *heading*\n\nText", "A heading\n\nText"),
        ("Under\n===\nText **bold** `a*b`", "Under\n\nText bold a*b"),
        ("[words](http://x.y 'z') and ![image](i.png)end", "words and end"),
        ("one\ntwo\\\nthree", "one\ntwo\nthree"),
        ("- a\n- b\n  - c\n\nend", "- a\n- b\n  - c\n\nend"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("> quoted\n> more", "quoted\nmore"),
        ("```py\nx = *1*\n\n  y\n```\nend", "x = *1*\n\n  y\n\nend"),
        ("---\ntitle: x\n---\nText", "Text"),
        ("before\n\n<div>\nhtml\n</div>\n\nafter <b>x</b>", "before\n\nafter x"),
        ("a &amp; b \\* c", "a & b * c"),
        ("", ""),
    ],
)
def test_markdown(markdown, plain):
    assert markdown_text(markdown) == plain

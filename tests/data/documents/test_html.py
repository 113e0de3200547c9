"""HTML as text against hand-written pages."""

from acclimate.data.documents.html import html_text


def test_headings_lists_and_entities():
    title, text = html_text(
        "<html><head><title>A &amp; B</title><style>p {}</style></head><body><h1>Top</h1>"
        "<p>One <b>bold</b>\n line &lt;x&gt;.</p><ul><li>first<li>second</ul>"
        "<script>if (a < b) {}</script></body></html>"
    )
    assert title == "A & B"
    assert text == "# Top\n\nOne bold\nline <x>.\n\n- first\n- second"


def test_broken_html_is_read_as_far_as_it_goes():
    assert html_text("<p>one<p>two <b")[1].startswith("one\n\ntwo")
    assert html_text("") == ("", "")

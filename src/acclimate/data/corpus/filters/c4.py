"""C4's rules for lines and web pages (Raffel et al. 2020, section 2.2).

https://jmlr.org/papers/v21/20-074.html. Its list of bad words is not applied, nor its removal of
repeated spans of three sentences: near-duplicates are found otherwise.
"""

import re
from collections.abc import Callable, Mapping

from acclimate.data.corpus.settings import CorpusSettings

_ENDS = (".", "!", "?", '"', "”")
_POLICIES = re.compile(
    "terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
)
_SENTENCE_END = re.compile("[.!?][\"\u201d\u2019')\\]]*(?:\\s|$)")
"""Differs: the paper uses NLTK's sentence splitter."""

_Fault = Callable[[str, CorpusSettings], bool]
"""Whether a line breaks a rule."""

_NOTICES: Mapping[str, _Fault] = {
    "javascript": lambda line, _: "javascript" in line.lower(),
    "policy_notice": lambda line, _: bool(_POLICIES.search(line.lower())),
}
_PROSE: Mapping[str, _Fault] = {
    "line_end": lambda line, _: not line.endswith(_ENDS) or line.endswith("..."),
    "line_words": lambda line, settings: len(line.split()) < settings.min_line_words,
}


def drop_lines(
    text: str, settings: CorpusSettings, *, is_web: bool
) -> tuple[str, Mapping[str, int]]:
    """The text without the lines that break a rule, and how many each rule dropped.

    Args:
        text: Blank lines are kept.
        settings: Thresholds.
        is_web: Whether lines must also be prose; else only notices are dropped.
    """
    if not is_web and not _may_have_notices(text):
        return text, {}
    rules = {**_NOTICES, **_PROSE} if is_web else _NOTICES
    remaining, dropped = [], dict.fromkeys(rules, 0)
    for line in text.split("\n"):
        bare = line.strip()
        broken = next((n for n, fault in rules.items() if bare and fault(bare, settings)), None)
        if broken:
            dropped[broken] += 1
        else:
            remaining.append(line)
    return "\n".join(remaining), {rule: count for rule, count in dropped.items() if count}


def c4_fault(text: str, settings: CorpusSettings, *, is_web: bool) -> str:
    """The first rule that a document breaks, with what it got; empty where it keeps all.

    Args:
        text: Its lines have been dropped.
        settings: Thresholds.
        is_web: Whether documents must also be prose; else only placeholder text is dropped.
    """
    if "lorem ipsum" in text.lower():
        return "lorem_ipsum: has placeholder text"
    if is_web:
        if "{" in text:
            return "curly_bracket: has a curly bracket"
        count = len(_SENTENCE_END.findall(text))
        if count < settings.min_sentences:
            return f"min_sentences: {count} sentences, at least {settings.min_sentences}"
    return ""


def _may_have_notices(text: str) -> bool:
    lower = text.lower()
    return "javascript" in lower or bool(_POLICIES.search(lower))

"""What `acclimate init` writes: a small domain that passes every check."""

import json

DOMAIN_YAML = """\
# A domain: what a model is adapted to and measured on.
name: bicycle library

# How each task is asked and scored. Without this, rows with choices are scored by
# choice_accuracy and all others by exact_match.
tasks:
  rule:
    metric: exact_match
    instruction: Answer with a number or a few words.
    max_new_tokens: 16
  best_reply:
    metric: [choice_accuracy, choice_logprob]
"""

DOCUMENTS = {
    "borrowing.md": """\
# Borrowing

A bicycle may be borrowed for 14 days by anyone who lives in the town. The deposit is 40 euros
and is paid back in full when the bicycle comes back clean.

## Cargo bicycles

A cargo bicycle may be borrowed for 3 days. Its deposit is 90 euros. It is lent to people over 18.

## Late return

Each day of delay costs 2 euros. After 10 days of delay the deposit is kept.
""",
    "repairs.md": """\
# Repairs

The workshop is open on Tuesday and Saturday. A flat tyre is mended for free. A new chain costs
18 euros, new brake pads cost 7 euros a pair.

## Accidents

After an accident, first call the workshop, then fill in the green form. The library pays for
damage that was nobody's fault.
""",
    "members.md": """\
# Members

Membership costs 25 euros a year. Members may book a bicycle 30 days ahead; all others may book
2 days ahead. Members vote in March about what to buy.
""",
}

_TRAIN = [
    ("How long may a bicycle be borrowed?", "14 days", "borrowing.md"),
    ("What is the deposit for a bicycle?", "40 euros", "borrowing.md"),
    ("For how many days is a cargo bicycle lent?", "3 days", "borrowing.md"),
    ("What does each day of delay cost?", "2 euros", "borrowing.md"),
    ("On which days is the workshop open?", "Tuesday and Saturday", "repairs.md"),
    ("What does mending a flat tyre cost?", "nothing", "repairs.md"),
    ("How much is a new chain?", "18 euros", "repairs.md"),
    ("Which form is filled in after an accident?", "the green form", "repairs.md"),
    ("What does membership cost a year?", "25 euros", "members.md"),
    ("How far ahead may members book?", "30 days", "members.md"),
]
_TEST = [
    ("What must be left as a deposit for the cargo model?", "90 euros", "borrowing.md"),
    ("From which age on are cargo bicycles lent?", "18", "borrowing.md"),
    ("After what delay is the deposit lost?", "10 days", "borrowing.md"),
    ("How much are brake pads?", "7 euros", "repairs.md"),
    ("When do members vote?", "March", "members.md"),
    ("How early may someone who is no member book?", "2 days", "members.md"),
]
_TRAIN_CHOICES = [
    ("My tyre is flat.", ["Come by, we mend it for free.", "That will be 18 euros."], 0),
    ("I crashed into a gate.", ["Please pay the damage first.", "Please call the workshop."], 1),
    ("May I keep it for a week?", ["Yes, up to 14 days.", "No, three days at most."], 0),
    ("I am one day late.", ["We keep your deposit.", "That costs 2 euros."], 1),
]
_TEST_CHOICES = [
    ("Can my child take the cargo bicycle?", ["Only people over 18 can.", "Yes, gladly."], 0),
    ("Do I get my deposit back?", ["Half of it.", "All of it, if the bicycle is clean."], 1),
]


def example_files() -> dict[str, str]:
    """Path within the folder → text."""
    documents = {f"documents/{name}": text for name, text in DOCUMENTS.items()}
    return {
        "domain.yaml": DOMAIN_YAML,
        **documents,
        "train.jsonl": _jsonl(_TRAIN, _TRAIN_CHOICES),
        "test.jsonl": _jsonl(_TEST, _TEST_CHOICES),
    }


def _jsonl(free: list[tuple[str, str, str]], choices: list[tuple[str, list[str], int]]) -> str:
    rows: list[dict[str, object]] = [
        {"task": "rule", "question": question, "answer": answer, "sources": [source]}
        for question, answer, source in free
    ]
    rows += [
        {"task": "best_reply", "question": comment, "choices": replies, "answer": replies[best]}
        for comment, replies, best in choices
    ]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

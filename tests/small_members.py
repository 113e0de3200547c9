"""Tables of answers as members of an ensemble, and domains that they answer."""

import csv

import numpy as np

from acclimate.core.domain import Item, Task, TrainData
from acclimate.models.local.recorded import Recorded

CHOICES = ("no", "yes")


def table(path, rows):
    """A table of answers on disk; rows are mappings with the same keys."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return {"name": "recorded", "path": str(path)}


def members_of(folder, *answers, **columns):
    """A table for each mapping of item to answer; `columns`: name → one mapping a table."""
    found = []
    for place, own in enumerate(answers):
        more = {item: {k: v[place][item] for k, v in columns.items()} for item in own}
        rows = [{"item": item, "answer": text, **more[item]} for item, text in own.items()]
        found.append(table(folder / f"system_{len(list(folder.iterdir()))}.csv", rows))
    return found


def free_task(targets, name="say"):
    """A task of free answers."""
    items = tuple(Item(id=i, question=f"{i}?", target=t) for i, t in targets.items())
    return Task(name=name, metrics=("exact_match",), items=items)


def choice_task(targets, name="choose"):
    """A task of two choices."""
    items = tuple(
        Item(id=i, question=f"{i}?", target=t, choices=CHOICES) for i, t in targets.items()
    )
    return Task(name=name, metrics=("choice_accuracy",), items=items)


def any_base(folder):
    """A model for methods whose members all begin from tables."""
    return Recorded(path=members_of(folder, {"none": "x"})[0]["path"]).load()


def data_of(*dev):
    """Training data that are dev items alone."""
    return TrainData(dev=dev)


def flipped(targets, accuracy, seed):
    """Answers that are right with this probability, each by itself."""
    luck = np.random.default_rng(seed).random(len(targets))
    wrong = {"no": "yes", "yes": "no"}
    return {
        item: target if own < accuracy else wrong[target]
        for (item, target), own in zip(targets.items(), luck, strict=True)
    }

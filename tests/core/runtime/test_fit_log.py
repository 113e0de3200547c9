"""A notebook holds what is told while it is open."""

from acclimate.core.runtime.fit_log import Notes, fact, noted, point, untold


def test_what_is_told_while_open_is_kept_in_order():
    fact("lost", 1.0)
    with noted() as outer:
        fact("fertility before", 2.5)
        with noted() as inner:
            point("loss", 1, 0.5)
            point("loss", 2, 0.25)
            fact("fertility before", 2.0)
    point("loss", 3, 0.1)
    assert inner.notes() == Notes(
        facts={"fertility before": 2.0}, curves={"loss": ((1, 0.5), (2, 0.25))}
    )
    assert outer.notes() == inner.notes()


def test_what_is_untold_reaches_no_notebook_but_those_opened_within():
    with noted() as outer, untold():
        fact("ties", 1.0)
        with noted() as inner:
            fact("ties", 2.0)
    assert outer.notes() == Notes()
    assert inner.notes() == Notes(facts={"ties": 2.0})


def test_notes_go_through_json():
    notes = Notes(facts={"a": "word", "b": 1.5}, curves={"c": ((1.0, 2.0),)})
    assert Notes.model_validate_json(notes.model_dump_json()) == notes


def test_what_is_no_number_costs_nothing_else():
    with noted() as book:
        fact("bits", float("nan"))
        fact("words", 3.0)
        for step, loss in enumerate((1.0, float("inf"), 0.5)):
            point("loss", step, loss)
    assert book.notes() == Notes(
        facts={"bits": "not a number", "words": 3.0}, curves={"loss": ((0, 1.0), (2, 0.5))}
    )

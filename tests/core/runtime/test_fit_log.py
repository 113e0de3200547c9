"""A notebook holds what is told while it is open."""

from acclimate.core.runtime.fit_log import Notes, collect_log, log_point, log_value, muted


def test_what_is_told_while_open_is_kept_in_order():
    log_value("lost", 1.0)
    with collect_log() as outer:
        log_value("fertility before", 2.5)
        with collect_log() as inner:
            log_point("loss", 1, 0.5)
            log_point("loss", 2, 0.25)
            log_value("fertility before", 2.0)
    log_point("loss", 3, 0.1)
    assert inner.notes() == Notes(
        facts={"fertility before": 2.0}, curves={"loss": ((1, 0.5), (2, 0.25))}
    )
    assert outer.notes() == inner.notes()


def test_what_is_untold_reaches_no_notebook_but_those_opened_within():
    with collect_log() as outer, muted():
        log_value("ties", 1.0)
        with collect_log() as inner:
            log_value("ties", 2.0)
    assert outer.notes() == Notes()
    assert inner.notes() == Notes(facts={"ties": 2.0})


def test_notes_go_through_json():
    notes = Notes(facts={"a": "word", "b": 1.5}, curves={"c": ((1.0, 2.0),)})
    assert Notes.model_validate_json(notes.model_dump_json()) == notes


def test_what_is_no_number_costs_nothing_else():
    with collect_log() as book:
        log_value("bits", float("nan"))
        log_value("words", 3.0)
        for step, loss in enumerate((1.0, float("inf"), 0.5)):
            log_point("loss", step, loss)
    assert book.notes() == Notes(
        facts={"bits": "not a number", "words": 3.0}, curves={"loss": ((0, 1.0), (2, 0.5))}
    )

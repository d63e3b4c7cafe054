from store.suggestions import Look, SuggestionRow, Suggestions


def row(session, allocation="t.1-1", proposal=None, **more):
    plain = {"strategy": "test", "cut": 7, "version": "1-1", "reason": "because", "body": '{"a":1}', "recorded_at": 1}
    return SuggestionRow(**{**plain, "allocation": allocation, "session": session, "proposal_id": proposal, **more})


def look(session, time=5):
    return Look("test", session, time)


def written(store, *rows):
    """Write looks and what they suggested, and say of each session whether nobody had looked before."""
    with store.begin() as work:
        suggestions = Suggestions(work.connection)
        sessions = dict.fromkeys(row.session for row in rows)
        suggestions.ask([look(session) for session in sessions])
        new = [suggestions.finish(look(one), [row for row in rows if row.session == one]) for one in sessions]
        work.commit()
    return new


def test_a_look_is_kept_once_and_as_it_was_first(store):
    assert [True, True] == written(store, row("2024-01-02", proposal="p"), row("2024-01-03"))
    assert [False] == written(store, row("2024-01-02", "u.1-1", reason="another"))
    with store.read() as reading:
        assert [row("2024-01-03"), row("2024-01-02", proposal="p")] == Suggestions(reading).history("test")


def test_a_session_waits_from_when_it_was_heard_of_until_it_was_looked_at(store):
    with store.begin() as work:
        suggestions = Suggestions(work.connection)
        suggestions.ask([look("2024-01-03"), look("2024-01-02")])
        suggestions.ask([look("2024-01-02", time=9)])
        assert [look("2024-01-02"), look("2024-01-03")] == suggestions.open_looks()
        assert suggestions.finish(look("2024-01-02"), [])
        assert [look("2024-01-03")] == suggestions.open_looks()
        assert [True, False, False] == [suggestions.looked("test", f"2024-01-0{day}") for day in (2, 3, 4)]
        suggestions.ask([look("2024-01-02")])
        assert [look("2024-01-03")] == suggestions.open_looks()


def test_what_it_stands_on_is_read_in_the_shape_that_is_asked_for():
    assert {"a": 1.0} == row("2024-01-02").read(dict[str, float])


def test_the_newest_come_first_and_as_many_as_are_asked_for(store):
    written(store, *(row(f"2024-01-0{day}", name) for day in (2, 3) for name in ("b", "a")))
    with store.read() as reading:
        found = Suggestions(reading).history("test", limit=3)
        assert [] == Suggestions(reading).history("another")
    assert [("2024-01-03", "a"), ("2024-01-03", "b"), ("2024-01-02", "a")] == [
        (one.session, one.allocation) for one in found
    ]


def test_when_arms_were_last_proposed(store):
    written(
        store,
        row("2024-01-02", proposal="p"),
        row("2024-01-03"),
        row("2024-01-04", proposal="q"),
        row("2024-01-04", "u.1-1"),
    )
    with store.read() as reading:
        rows = Suggestions(reading)
        last = [rows.last_proposed("test", "t.1-1", before=day) for day in ("2024-01-02", "2024-01-04", "2024-01-09")]
        assert [None, "2024-01-02", "2024-01-04"] == last
        assert rows.last_proposed("test", "u.1-1", before="2024-01-09") is None

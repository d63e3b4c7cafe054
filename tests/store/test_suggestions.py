from store.suggestions import SuggestionRow, Suggestions


def row(session, allocation="t.1-1", proposal=None, **more):
    plain = {"strategy": "test", "cut": 7, "version": "1-1", "reason": "because", "body": '{"a":1}', "recorded_at": 1}
    return SuggestionRow(**{**plain, "allocation": allocation, "session": session, "proposal_id": proposal, **more})


def written(store, *rows):
    with store.begin() as work:
        new = Suggestions(work.connection).add(rows)
        work.commit()
    return new


def test_a_look_is_kept_once_and_as_it_was_first(store):
    assert [True, True] == written(store, row("2024-01-02", proposal="p"), row("2024-01-03"))
    assert [False] == written(store, row("2024-01-02", reason="another"))
    with store.read() as reading:
        assert [row("2024-01-03"), row("2024-01-02", proposal="p")] == Suggestions(reading).history("test")


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


def test_which_allocations_were_looked_at_and_when_arms_were_last_proposed(store):
    written(
        store,
        row("2024-01-02", proposal="p"),
        row("2024-01-03"),
        row("2024-01-04", proposal="q"),
        row("2024-01-04", "u.1-1"),
    )
    with store.read() as reading:
        rows = Suggestions(reading)
        assert {"t.1-1", "u.1-1"} == rows.known("test", "2024-01-04")
        assert set() == rows.known("test", "2024-01-05")
        last = [rows.last_proposed("test", "t.1-1", before=day) for day in ("2024-01-02", "2024-01-04", "2024-01-09")]
        assert [None, "2024-01-02", "2024-01-04"] == last
        assert rows.last_proposed("test", "u.1-1", before="2024-01-09") is None

from store.replays import Replays, Standing

DIGEST = "d"
NOW = 7


def standing(store, *steps):
    """How a replay stands after these steps, each a turn of its own."""
    for step in steps:
        with store.begin() as work:
            step(Replays(work.connection))
            work.commit()
    with store.read() as reading:
        return Replays(reading).get(DIGEST)


def begin(replays):
    replays.begin(DIGEST, name="a.jsonl", now=NOW)


def advance(replays):
    replays.advance(DIGEST, taken=replays.taken(DIGEST) + 10, refused=2, now=NOW)


def finish(replays):
    replays.finish(DIGEST, now=NOW)


def test_what_was_never_begun_has_no_standing(store):
    assert standing(store) is None


def test_a_replay_begins_with_nothing_taken(store):
    assert Standing("a.jsonl", 0, 0, None) == standing(store, begin)


def test_what_is_taken_is_where_it_is_and_what_is_refused_adds_up(store):
    assert Standing("a.jsonl", 20, 4, None) == standing(store, begin, advance, advance)


def test_beginning_again_goes_on(store):
    assert Standing("a.jsonl", 10, 2, None) == standing(store, begin, advance, begin)


def test_the_first_end_stays(store):
    later = lambda replays: replays.finish(DIGEST, now=NOW + 1)  # noqa: E731
    assert Standing("a.jsonl", 10, 2, NOW) == standing(store, begin, advance, finish, later)


def test_from_the_start_everything_is_forgotten(store):
    restart = lambda replays: replays.restart(DIGEST, now=NOW)  # noqa: E731
    assert Standing("a.jsonl", 0, 0, None) == standing(store, begin, advance, finish, restart)


def test_replays_do_not_know_each_other(store):
    other = lambda replays: replays.begin("other", name="b.jsonl", now=NOW)  # noqa: E731
    assert Standing("a.jsonl", 10, 2, None) == standing(store, begin, other, advance)
    with store.read() as reading:
        assert Standing("b.jsonl", 0, 0, None) == Replays(reading).get("other")


def test_a_turn_that_is_undone_has_not_advanced(store):
    standing(store, begin)
    with store.begin() as work:
        advance(Replays(work.connection))
    assert 0 == standing(store).taken

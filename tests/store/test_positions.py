import pytest

from store.positions import READ_AT_ONCE, Book, Books
from store.tables import open_lots
from tests.workers.blotter import Blotter, fill

BOOK = Book(1, "")


@pytest.fixture
def blotter(store):
    return Blotter(store)


def read(blotter, ask):
    with blotter.store.read() as connection:
        return ask(Books(connection, "main"))


def test_lots_come_oldest_first_however_many_there_are_and_are_read_as_they_are_asked_for(blotter):
    names = [f"{9_999 - place}" for place in range(2 * READ_AT_ONCE + 1)]
    blotter.take(*(fill(name, place, 5) for place, name in enumerate(names)), fill("other", 1, 5, account="margin"))

    assert names == read(blotter, lambda books: [lot.fill.fill_id for lot in books.lots(BOOK)])
    assert names[:1] == read(blotter, lambda books: [next(books.lots(BOOK)).fill.fill_id])
    assert len(names) - 1 == read(blotter, lambda books: books.newest_place(BOOK))


def test_nothing_is_open_in_a_book_that_is_flat(blotter):
    blotter.take(fill("a", 1, 5), fill("b", 2, -5))
    assert read(blotter, lambda books: books.newest_place(BOOK)) is None
    assert [] == read(blotter, lambda books: list(books.lots(BOOK)))


def test_the_last_start_is_the_newest_fill_that_opened_a_position_when_nothing_was_held(blotter):
    blotter.take(
        fill("a", 10, 5), fill("b", 20, -5), fill("c", 30, 5), fill("turn", 40, -9), fill("e", 50, 4), fill("f", 60, 1)
    )
    starts = {
        time: read(blotter, lambda books, time=time: books.last_start(BOOK, before=time))
        for time in (10, 11, 30, 31, 60, 61)
    }
    assert {10: None, 11: (10, "a"), 30: (10, "a"), 31: (30, "c"), 60: (30, "c"), 61: (60, "f")} == starts


def test_only_a_position_that_exactly_one_decision_bought_has_a_buyer(blotter):
    blotter.decide("d1", position="p1")
    blotter.decide("x1", position="p1", action="SELL")
    blotter.decide("d2", position="p2")
    blotter.decide("d3", position="p2")
    blotter.decide("x3", position="p3", action="SELL")
    assert {"p1": "d1"} == read(blotter, lambda books: books.bought(["p1", "p2", "p3", "p4"]))


def test_a_fill_names_its_decision_before_its_position(blotter):
    blotter.take(fill("a", 1, 5, decision_id="d", position_id="p"), fill("b", 2, 5, position_id="q"), fill("c", 3, 5))
    assert ({"d"}, {"q"}) == read(blotter, lambda books: books.named(["a", "b", "c", "unknown"]))


def test_more_names_than_one_statement_holds_are_all_found(blotter):
    names = [f"d{place}" for place in range(1_100)]
    blotter.take(*(fill(name, place, 5, decision_id=name) for place, name in enumerate(names)))
    assert set(names) == read(blotter, lambda books: books.still_open(decisions=names, positions={}))
    assert (set(names), set()) == read(blotter, lambda books: books.named(names))


def test_rows_that_are_taken_out_and_put_in_are_gone_and_there(blotter):
    blotter.take(fill("a", 1, 5), fill("b", 2, 5), fill("c", 3, -2))
    with blotter.store.begin() as work:
        books = Books(work.connection, "main")
        [trip] = books.trips(BOOK)
        books.take_out([trip], [])
        books.put_in([trip._replace(entry_fill="b")], [])
        work.commit()
    assert [trip._replace(entry_fill="b")] == read(blotter, lambda books: books.trips(BOOK))
    assert ["a", "b"] == [row["fill"] for row in blotter.rows(open_lots)]

"""The ids of entries."""

from hypothesis import given
from hypothesis import strategies as st

from events.entry import LAST_NUMBER, EntryId

IDS = st.builds(EntryId, st.integers(1, 2**48), st.integers(0, LAST_NUMBER))


@given(IDS)
def test_what_the_broker_writes_is_read_back(entry):
    assert entry == EntryId.parse(str(entry)) == EntryId.parse(str(entry).encode())


@given(IDS)
def test_between_an_id_and_its_neighbours_there_is_nothing(entry):
    assert entry.previous < entry < entry.next
    assert entry == entry.previous.next or entry.number == 0
    assert (0, LAST_NUMBER) == EntryId(1, 0).previous


def test_ids_sort_as_numbers_and_not_as_text():
    assert EntryId.parse("9-10") > EntryId.parse("9-9") > EntryId.parse("8-100")

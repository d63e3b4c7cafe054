"""What goes wrong is counted and said, however much of it there is."""

import logging

from learning_client.guard import Troubles


def test_kinds_beyond_200_are_counted_together_and_the_first_of_them_is_logged(caplog):
    caplog.set_level(logging.WARNING, "learning_client")
    troubles = Troubles()
    for place in range(1_000):
        troubles.note(f"kind {place}", "of trouble")
    for _ in range(2):
        troubles.note("kind 0", "of trouble")
    counts = troubles.counts()
    assert (201, 3, 800) == (len(counts), counts["kind 0"], counts["others"])
    assert [f"kind {place}" for place in range(201)] == [one.getMessage().split(":")[0] for one in caplog.records]

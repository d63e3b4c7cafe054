"""The page about the books tells what the code does."""

import re

from learning.agreement import RIGHT
from schemas.attributed import ExampleState, Mark
from schemas.vocabulary import Recommendation
from tests.docs.pages import rows
from tests.workers.join.test_reconciliation import BROKEN

PAGE = "docs/books.md"


def test_every_state_and_mark_is_explained():
    assert {state.value for state in ExampleState} == {state for state, _ in rows(PAGE, header="state")}
    assert {"late", *(f"`{mark.value}`" for mark in Mark)} == {
        mark for mark, _ in rows(PAGE, header="beside its state")
    }


def test_every_sentence_that_says_what_does_not_balance_is_explained():
    told = [re.escape(sentence.strip("`")).replace("…", ".+") for sentence, _, _ in rows(PAGE, header="it says")]
    overdue = "5d/prices: 3 are pending though they should have been given up by 2024-01-10; the oldest"
    sentences = [overdue, *(sentence for _, sentence, _ in BROKEN.values())]

    assert [] == [sentence for sentence in sentences if not any(re.search(one, sentence) for one in told)]
    assert [] == [one for one in told if not any(re.search(one, sentence) for sentence in sentences)]


def test_the_recommendations_are_right_after_the_outcomes_that_the_page_names():
    told = {}
    for names, outcomes in rows(PAGE, header="recommendation"):
        for name in names.split(", "):
            told[name] = frozenset(outcomes.split(", "))
    assert RIGHT == {name: outcomes for name, outcomes in told.items() if name != "RESEARCH"}
    assert {one.value for one in Recommendation} == set(told)

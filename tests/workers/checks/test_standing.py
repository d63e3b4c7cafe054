"""Since when a part is in its state, and what of it is worth telling."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from events.moments import microseconds
from schemas.reports import HealthState
from workers.checks.reading import Reading, Reason
from workers.checks.standing import GONE, Standing

HEALTHY, DEGRADED, CRITICAL = HealthState
REPEAT = 100


def reading(part, *codes, state=DEGRADED, text="text"):
    return Reading(part, tuple(Reason(code, text, state) for code in codes))


def standing(**known):
    return Standing(known, repeat_us=REPEAT)


def states(told):
    return [(one.reported.part, one.reported.state, one.since, one.at, one.changed) for one in told]


def test_a_part_is_told_when_it_is_first_seen_and_not_again_while_only_its_figures_move():
    parts = standing()
    assert [("a", DEGRADED, 5, 5, True)] == states(
        parts.take("x", [reading("a", "slow", text="3 s")], whole=True, now=5)
    )
    assert [] == parts.take("x", [reading("a", "slow", text="4 s")], whole=True, now=9)
    assert ["4 s"] == parts.reported()[0].reasons


def test_another_trouble_of_the_same_badness_is_told_and_keeps_the_beginning():
    parts = standing()
    parts.take("x", [reading("a", "slow")], whole=True, now=5)
    assert [("a", DEGRADED, 5, 7, True)] == states(parts.take("x", [reading("a", "slow", "old")], whole=True, now=7))


def test_another_state_begins_when_it_is_seen():
    parts = standing()
    parts.take("x", [reading("a", "slow")], whole=True, now=5)
    parts.take("x", [reading("a", "slow", state=CRITICAL)], whole=True, now=7)
    assert [("a", HEALTHY, 9, 9, True)] == states(parts.take("x", [reading("a")], whole=True, now=9))


def test_a_part_that_does_not_change_is_told_again_after_a_while():
    parts = standing()
    parts.take("x", [reading("a")], whole=True, now=0)
    assert [] == parts.take("x", [reading("a")], whole=True, now=REPEAT - 1)
    assert [("a", HEALTHY, 0, REPEAT, False)] == states(parts.take("x", [reading("a")], whole=True, now=REPEAT))
    assert [] == parts.take("x", [reading("a")], whole=True, now=REPEAT + 1)


def test_what_is_gone_ends_healthy_and_is_forgotten():
    parts = standing()
    parts.take("x", [reading("a", "slow"), reading("b")], whole=True, now=5)
    parts.take("y", [reading("c", "slow")], whole=True, now=5)
    [gone] = parts.take("x", [reading("b")], whole=True, now=6)
    assert ("a", HEALTHY, [GONE], 6) == (gone.reported.part, gone.reported.state, gone.reported.reasons, gone.since)
    assert ["b", "c"] == [part.part for part in parts.reported()]


def test_what_nobody_can_look_at_is_not_shown_and_keeps_its_beginning():
    parts = standing()
    parts.take("x", [reading("a", "slow"), reading("way")], whole=True, now=5)
    parts.take("y", [reading("c")], whole=True, now=5)
    parts.take("x", [reading("way", "away", state=CRITICAL)], whole=False, now=6)
    assert ["c", "way"] == [part.part for part in parts.reported()]
    assert {"a", "way"} == parts.owned("x")
    assert [("way", HEALTHY, 9, 9, True)] == states(
        parts.take("x", [reading("a", "slow"), reading("way")], whole=True, now=9)
    )
    assert {"a": 5, "c": 5, "way": 9} == {part.part: microseconds(part.since) for part in parts.reported()}


def test_a_restart_keeps_the_beginning_of_what_is_still_so():
    parts = standing(a=(DEGRADED, 1), b=(DEGRADED, 2))
    parts.take("x", [reading("a", "slow"), reading("b")], whole=True, now=9)
    assert {"a": 1, "b": 9} == {part.part: microseconds(part.since) for part in parts.reported()}
    parts.take("x", [reading("a")], whole=True, now=10)
    parts.take("x", [], whole=True, now=11)
    parts.take("x", [reading("a", "slow")], whole=True, now=12)
    assert [12] == [microseconds(part.since) for part in parts.reported()]


class AgainstHistory(RuleBasedStateMachine):
    """``since`` is the first of the last run of equal states, in whatever order readings, silences and ends come."""

    @initialize()
    def begin(self):
        self.parts = standing()
        self.history = {}
        self.told = {}
        self.now = 0

    @rule(
        found=st.dictionaries(
            st.sampled_from("abc"), st.tuples(st.sampled_from(HealthState), st.sets(st.sampled_from("uvw"), min_size=1))
        ),
        passed=st.integers(1, 60),
        whole=st.booleans(),
    )
    def look(self, found, passed, whole):
        self.now += passed
        readings = [
            reading(part, *sorted(codes if state is not HEALTHY else ()), state=state)
            for part, (state, codes) in found.items()
        ]
        told = self.parts.take("x", readings, whole=whole, now=self.now)
        if whole:
            for part in [part for part in self.history if part not in found]:
                del self.history[part]
                self.told.pop(part)
        for one in readings:
            self.history.setdefault(one.part, []).append((self.now, one.state))
        named = {one.reported.part: one for one in told}
        for one in readings:
            last = self.told.get(one.part)
            due = last is None or last[0] != one.codes or self.now - last[1] >= REPEAT
            assert due == (one.part in named)
            if due:
                self.told[one.part] = (one.codes, self.now)
        self.seen = set(found) if not whole else set(self.history)

    @invariant()
    def the_beginning_is_that_of_the_last_run_of_equal_states(self):
        if not self.history:
            return
        for part in self.parts.reported():
            run = self.history[part.part]
            assert run[-1][1] is part.state
            began = next((before for before in range(len(run) - 1, 0, -1) if run[before - 1][1] is not part.state), 0)
            assert run[began][0] == microseconds(part.since)
        assert self.seen == {part.part for part in self.parts.reported()}


TestAgainstHistory = AgainstHistory.TestCase

"""Which sessions are settled, which cycles have run, and what their proposals stand on."""

from dataclasses import dataclass

from schemas.reports import CycleCompleted, StageReport
from store.cycles import Cycles
from store.evidence import EvidenceRows
from store.sessions import Sessions


def completed(session, *, kind="daily", strategy="main", report="all well"):
    return CycleCompleted(
        strategy=strategy,
        cycle_id=f"{kind}/{session}",
        kind=kind,
        session=session,
        cut=5,
        proposals=["p1"],
        stages=[StageReport(name="share", seconds=0.1, summary="2 arms")],
        report=report,
        figures={"units": 3.0},
    )


def finish(store, one):
    with store.begin() as work:
        new = Cycles(work.connection).add(one, started_at=1, finished_at=2)
        work.commit()
    return new


def settle(store, *sessions):
    with store.begin() as work:
        for strategy, session in sessions:
            Sessions(work.connection).add(strategy, session, cut=work.take(1), pending={}, now=9)
        work.commit()


def test_a_cycle_that_is_run_twice_is_written_once(store):
    assert finish(store, completed("2024-01-02"))
    assert not finish(store, completed("2024-01-02", report="again"))

    with store.read() as reading:
        assert (completed("2024-01-02"), 1, 2) == Cycles(reading).finished("main", "daily", "2024-01-02")
        assert Cycles(reading).finished("main", "weekly", "2024-01-02") is None


def test_lists_the_cycles_of_the_newest_sessions_first(store):
    for session in ("2024-01-03", "2024-01-05", "2024-01-02"):
        finish(store, completed(session))
    finish(store, completed("2024-01-04", kind="weekly"))

    with store.read() as reading:
        newest = Cycles(reading).history("main", "daily", limit=2)
        assert ["2024-01-05", "2024-01-03"] == [row.completed.session for row in newest]


def test_knows_the_settled_sessions_that_still_lack_their_cycle(store):
    settle(store, ("main", "2024-01-03"), ("main", "2024-01-02"), ("main", "2024-01-04"), ("other", "2024-01-02"))
    finish(store, completed("2024-01-03"))
    finish(store, completed("2024-01-02", strategy="other"))
    finish(store, completed("2024-01-04", kind="weekly"))

    with store.read() as reading:
        sessions = Sessions(reading)
        assert ["2024-01-02", "2024-01-04"] == [one.session for one in sessions.unfinished("daily")]
        assert ["2024-01-02", "2024-01-02", "2024-01-03"] == [one.session for one in sessions.unfinished("weekly")]


def test_knows_the_newest_settled_session_and_its_cut(store):
    settle(store, ("main", "2024-01-03"), ("main", "2024-01-02"), ("other", "2024-02-01"))

    with store.read() as reading:
        assert ("main", "2024-01-03", 1, 0, 9, {}, None) == Sessions(reading).latest("main")
        assert 2 == Sessions(reading).get("main", "2024-01-02").cut
        assert Sessions(reading).get("main", "2024-01-04") is None
        assert Sessions(reading).latest("nobody") is None


@dataclass(frozen=True)
class Judgement:
    n: int
    interval: tuple[float, float]


def test_evidence_is_found_by_its_id_and_arm(store):
    arms = {'{"weight":0.3}': Judgement(40, (0.001, 0.02)), '{"weight":0.2}': Judgement(0, (-1.0, 1.0))}
    with store.begin() as work:
        evidence = EvidenceRows(work.connection)
        first = {"session": "2024-01-02", "cut": 5, "allocation": "trial.1-1", "now": 3}
        assert evidence.add("e1", "main", arms=arms, **first)
        assert not evidence.add("e1", "main", arms={}, **first)

        assert Judgement(40, (0.001, 0.02)) == evidence.find("e1", '{"weight":0.3}', shape=Judgement)
        assert evidence.find("e1", "unheard of", shape=Judgement) is None
        assert evidence.find("e2", '{"weight":0.3}', shape=Judgement) is None
        assert ("e1", "main", "2024-01-02", 5, "trial.1-1") == evidence.get("e1")[:5]
        assert 3 == evidence.get("e1").recorded_at
        assert set(arms) == set(evidence.get("e1").arms)

import threading

import pytest

from schemas.errors import EngineError
from schemas.reports import HealthState
from workers.checks.reading import Reading
from workers.side import Side
from workers.watch import Watch


class Scene:
    def __init__(self):
        self.watch = Watch(
            known={}, away={"store": ("store", "away")}, silent_us=10**12, clock=lambda: 1, steady=lambda: 1
        )
        self.looks = 0
        self.enough = threading.Event()
        self.error = None
        self.tell_error = None
        self.side = Side("store", self.watch, look=self.look, tell=self.tell, every=0.001)

    def look(self):
        self.looks += 1
        if self.looks >= 5:
            self.enough.set()
        if self.error is not None:
            raise self.error
        return [Reading("store")]

    def tell(self):
        if self.tell_error is not None:
            raise self.tell_error

    def part(self):
        [part] = self.watch.overview().parts
        return part


@pytest.fixture
def scene():
    return Scene()


def test_hands_over_what_it_found_and_tells(scene):
    assert scene.side.turn()
    assert HealthState.HEALTHY is scene.part().state


@pytest.mark.parametrize("where", ["error", "tell_error"])
@pytest.mark.parametrize(
    ("error", "told"), [(EngineError("gone"), "away: gone"), (KeyError("x"), "a defect: KeyError('x')")]
)
def test_whatever_goes_wrong_is_told_of_its_side(scene, where, error, told):
    setattr(scene, where, error)
    assert not scene.side.turn()
    assert HealthState.CRITICAL is scene.part().state
    assert told in scene.part().reasons[0]
    setattr(scene, where, None)
    assert scene.side.turn()
    assert HealthState.HEALTHY is scene.part().state


def test_goes_on_looking_and_ends_when_it_is_told_to(scene):
    scene.side.start()
    assert scene.enough.wait(10)
    scene.side.stop()
    looks = scene.looks
    assert not [thread for thread in threading.enumerate() if thread.name == "health-store"]
    assert looks == scene.looks


def test_goes_on_looking_after_a_defect(scene, monkeypatch):
    monkeypatch.setattr("workers.side.LONGEST_PAUSE", 0.002)
    scene.error = KeyError("x")
    scene.side.start()
    assert scene.enough.wait(10)
    scene.side.stop()

"""``learning status`` where no broker is, as after a replay."""

import pytest

from tests.workers.commands.test_books import REGISTRY, settle
from tests.workers.desk import Desk
from workers.commands.status import status


@pytest.fixture
def desk(store, tmp_path, monkeypatch):
    (tmp_path / "main.toml").write_text(REGISTRY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_REGISTRIES", "main.toml")
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    for name in ("RQ_REDIS_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    return Desk(store)


@pytest.mark.parametrize(
    ("url", "said"),
    [(None, "no broker is named"), ("redis://127.0.0.1:1", "the broker at 127.0.0.1:1 cannot be reached")],
)
def test_what_the_store_holds_is_shown_also_without_a_broker(desk, url, said, monkeypatch, capsys):
    if url is not None:
        monkeypatch.setenv("RQ_REDIS_URL", url)
    settle(desk)
    with pytest.raises(SystemExit) as ended:
        status(strategy=None)
    assert 1 == ended.value.code
    shown = capsys.readouterr()
    assert "2 pending, 1 matched" in shown.out
    assert "mode unknown" in shown.out
    assert said in " ".join(shown.err.split())

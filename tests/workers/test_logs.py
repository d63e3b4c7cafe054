import errno
import io

import pytest
import structlog

from schemas.settings import LogFormat, Settings
from workers.logs import configure_logs


class Disk(io.StringIO):
    """Takes lines while there is room."""

    full = False

    def write(self, text):
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.fixture(autouse=True)
def logs_as_before():
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_log_on_a_full_disk_stops_nobody_and_says_how_many_lines_may_be_missing(monkeypatch):
    disk = Disk()
    monkeypatch.setattr("sys.stderr", disk)
    configure_logs(Settings(log=LogFormat.JSON))
    log = structlog.get_logger()
    log.info("one")
    disk.full = True
    log.info("two")
    log.info("three")
    disk.full = False
    log.info("four")
    log.info("five")
    one, four, five = disk.getvalue().splitlines()
    assert '"event": "one"' in one
    assert '"event": "four"' in four
    assert '"unwritten": 2' in four
    assert "unwritten" not in one + five

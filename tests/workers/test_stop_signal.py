import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parents[2]
PROGRAM = """
from workers.stop_signal import StopSignal
stop = StopSignal()
print("ready", flush=True)
while not stop.asked:
    stop.wait(0.000001)
"""


def test_a_process_that_waits_all_the_time_stops_every_time_it_is_told():
    for number in (signal.SIGTERM, signal.SIGINT) * 5:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=FOLDER, stdout=subprocess.PIPE, text=True)
        assert "ready\n" == process.stdout.readline()
        process.send_signal(number)
        assert 0 == process.wait(20)


def test_waiting_ends_when_it_is_told_and_not_after_its_time():
    waiting = PROGRAM.replace("0.000001", "3600")
    process = subprocess.Popen([sys.executable, "-c", waiting], cwd=FOLDER, stdout=subprocess.PIPE, text=True)
    assert "ready\n" == process.stdout.readline()
    began = time.monotonic()
    process.terminate()
    assert 0 == process.wait(20)
    assert time.monotonic() - began < 10

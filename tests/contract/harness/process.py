"""The simulator's process, for the length of a run."""

import json
import subprocess
import threading

from .control import Control

START_SECONDS = 30
STOP_SECONDS = 10


class Simulator:
    """One simulator process with its control port; stopped when the `with` block ends, failed or not."""

    def __init__(self, binary):
        self._binary = binary
        self._process = None
        self.control = None

    def __enter__(self):
        self._process = subprocess.Popen([self._binary, "--control-port", "0"], stdout=subprocess.PIPE, text=True)
        try:
            self.control = Control(self._first_line()["controlUrl"])
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _first_line(self):
        # A simulator that never says where it listens is killed, which ends the read below.
        watchdog = threading.Timer(START_SECONDS, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise RuntimeError(f"{self._binary} did not say where it listens")
        return json.loads(line)

    def _stop(self):
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

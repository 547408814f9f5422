"""A process of the local stack: started, waited for until it truly answers, and ended with all its children."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_TAIL_LINES = 20
_FREEZE_SECONDS = 20.0
# Below what Linux (32768), macOS and Windows (49152) give to outgoing connections.
_PORTS = range(15_000, 32_000)


class StartFailed(RuntimeError):
    """A process of the local stack did not come up."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing uses now.

    Not one that the system would give: it gives the same ones to outgoing connections, and one of these may have it
    before the process that it is meant for.
    """
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition: Callable[[], bool], *, timeout_seconds: float, interval_seconds: float = 0.05) -> bool:
    """Ask `condition` until it holds, at most `timeout_seconds`; returns whether it did."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        if condition():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval_seconds)


def freeze(pid: int) -> None:
    """SIGSTOP a process and all its descendants; returns once every one of them is seen to stand still.

    The signal alone is not enough: a server with many threads goes on answering for some milliseconds after it.
    """
    leader = psutil.Process(pid)
    family = [leader, *leader.children(recursive=True)]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.suspend()
    if not wait_until(lambda: all(map(_stands_still, family)), timeout_seconds=_FREEZE_SECONDS, interval_seconds=0.001):
        raise TimeoutError(f"process {pid} was asked to stand still, and does not")


def thaw(pid: int) -> None:
    """SIGCONT a process and all its descendants."""
    leader = psutil.Process(pid)
    for member in (*leader.children(recursive=True), leader):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.resume()


def _stands_still(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class ManagedProcess:
    """One process with its whole process group.

    A context manager. It can also be killed and started again on the same port, or paused and resumed, for tests
    of what happens then.

    Args:
        name: for messages and the log's file name.
        command: program and arguments.
        environment: the complete environment of the process.
        log_directory: gets `{name}.log`.
        ready: tells whether the process answers; must return quickly and not raise.
        start_seconds: how long it may take to answer.
        stop_seconds: how long it may take to end by itself, before it is killed; 0 for what has nothing to save.
    """

    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_directory: Path,
        ready: Callable[[], bool],
        start_seconds: float = 60.0,
        stop_seconds: float = 0.0,
    ) -> None:
        self.name = name
        self.log_path = log_directory / f"{name}.log"
        self._command = list(command)
        self._environment = dict(environment)
        self._ready = ready
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def is_running(self) -> bool:
        """Whether the process is there, answering or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start, and return once the process answers.

        Raises:
            StartFailed: it ended, or did not answer in time; carries the end of its log.
        """
        if self.is_running():
            return self
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            process = self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SUPERVISOR), *self._command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        try:
            answered = wait_until(
                lambda: process.poll() is not None or self._ready(), timeout_seconds=self._start_seconds
            )
            if process.poll() is not None:
                raise StartFailed(f"{self.name} ended with status {process.returncode}.\n{self.log_tail()}")
            if not answered:
                raise StartFailed(f"{self.name} did not answer within {self._start_seconds:.0f} s.\n{self.log_tail()}")
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End the process group politely, then by force. Idempotent."""
        process = self._process
        if process is not None and self._stop_seconds > 0:
            _signal_group(process, signal.SIGCONT)
            _signal_group(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self._stop_seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the process group. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def pause(self) -> None:
        """Freeze the process with its children: connections stay open, and from now on nothing answers."""
        if self._process is not None:
            freeze(self._process.pid)

    def resume(self) -> None:
        """Let a paused process go on."""
        if self._process is not None:
            thaw(self._process.pid)

    def log_tail(self) -> str:
        """The end of the log, with its path."""
        lines = self.log_path.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join([f"The end of {self.log_path}:", *(f"  {line}" for line in lines)])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the group, which has the id of its leader."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)

"""The local stack's processes come up, or say why not, and never outlive who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from localdev.environment import isolated
from localdev.probes import http_answers
from localdev.processes import ManagedProcess, StartFailed, free_port, wait_until

_SECONDS = 20.0


def _server(directory: Path, port: int) -> ManagedProcess:
    return ManagedProcess(
        name="server",
        command=[sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(directory)],
        environment=isolated(),
        log_directory=directory,
        ready=lambda: http_answers(port),
        start_seconds=_SECONDS,
    )


def _alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has reaped yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_inside_the_context_it_answers_and_after_it_nothing_listens(tmp_path: Path) -> None:
    port = free_port()
    with _server(tmp_path, port) as server:
        assert server.is_running()
        assert http_answers(port)
    assert not server.is_running()
    assert not http_answers(port)


def test_it_can_be_killed_and_started_again_on_the_same_port(tmp_path: Path) -> None:
    port = free_port()
    with _server(tmp_path, port) as server:
        server.kill()
        assert not http_answers(port)
        server.start()
        assert http_answers(port)


def test_a_paused_process_does_not_answer_and_a_resumed_one_does(tmp_path: Path) -> None:
    port = free_port()
    with _server(tmp_path, port) as server:
        server.pause()
        assert not http_answers(port, timeout_seconds=0.2)
        server.resume()
        assert wait_until(lambda: http_answers(port), timeout_seconds=_SECONDS)


def test_a_pause_returns_once_all_of_it_stands_still(tmp_path: Path) -> None:
    """A signal is only sent, not yet obeyed: whoever is at work goes on for a moment, and answers."""
    others = set(psutil.Process().children())
    with _server(tmp_path, free_port()) as server:
        (supervisor,) = set(psutil.Process().children()) - others
        for _ in range(20):
            server.pause()
            assert {each.status() for each in (supervisor, *supervisor.children())} == {psutil.STATUS_STOPPED}
            server.resume()


def test_a_process_that_ends_at_once_fails_with_the_end_of_its_log(tmp_path: Path) -> None:
    process = ManagedProcess(
        name="broken",
        command=[sys.executable, "-c", "import sys; sys.exit('port 7 is taken')"],
        environment=isolated(),
        log_directory=tmp_path,
        ready=lambda: False,
        start_seconds=_SECONDS,
    )
    with pytest.raises(StartFailed, match=r"broken ended with status 1.*\n.*broken\.log.*\n.*port 7 is taken"):
        process.start()


def test_a_process_that_never_answers_fails_and_is_not_left_running(tmp_path: Path) -> None:
    process = ManagedProcess(
        name="mute",
        command=[sys.executable, "-c", "import time; time.sleep(60)"],
        environment=isolated(),
        log_directory=tmp_path,
        ready=lambda: False,
        start_seconds=0.2,
    )
    with pytest.raises(StartFailed, match="mute did not answer within"):
        process.start()
    assert not process.is_running()


_PARENT = """
import sys
from pathlib import Path
from localdev.environment import isolated
from localdev.processes import ManagedProcess

directory = Path(sys.argv[1])
grandchildren = directory / "pids"
# The command leaves a child of its own, as the emulators' launchers do.
command = ["sh", "-c", f"sleep 600 & echo $! $$ > {grandchildren}; wait"]
process = ManagedProcess(
    name="launcher", command=command, environment=isolated(), log_directory=directory,
    ready=lambda: grandchildren.exists() and grandchildren.read_text().strip() != "",
)
with process:
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_children_end_with_their_parent_however_it_ends(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, a polite end and SIGKILL all take the whole process group along."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=isolated() | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert all(map(_alive, pids))
        parent.send_signal(number)
        parent.wait(_SECONDS)
        assert wait_until(lambda: not any(map(_alive, pids)), timeout_seconds=_SECONDS)


def test_an_isolated_environment_knows_no_cloud_and_no_setting() -> None:
    outside = {
        "PATH": os.defpath,
        "GOOGLE_APPLICATION_CREDENTIALS": "/key.json",
        "FIRESTORE_EMULATOR_HOST": "elsewhere:1",
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/real",
        "CLOUDSDK_CORE_PROJECT": "production",
        "CLOUDSDK_PYTHON": "/usr/bin/python3",
        "TARGET_DATASET": "nba_predictions",
    }
    inside = isolated(outside)
    assert {name for name in inside if name.lower() != "no_proxy"} == {"PATH", "CLOUDSDK_PYTHON"}

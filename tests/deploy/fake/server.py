"""Answers the clients: one thread, one command after the other.

`server.py SDK CACHE` prints its port. A run is a directory with `project.json`, the state, and `plan.json`: what shall
fail (`fail`: a number of a command, `after`: whether it takes effect first), and whether unknown commands are shown to
the linter at once or later. The calls of a run are appended to `calls.jsonl`, each with the state before it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Any

_SDK = Path(sys.argv[1])
sys.path[:0] = [str(_SDK / "lib"), str(_SDK / "lib/third_party"), str(Path(__file__).parent)]

import bigquery  # noqa: E402, F401
import functions  # noqa: E402, F401
import pubsub  # noqa: E402, F401
import scheduler  # noqa: E402, F401
import services  # noqa: E402, F401
from command import Call, find, need_api, split  # noqa: E402
from linter import Linter, canonical  # noqa: E402
from printing import printed  # noqa: E402
from refusal import Refused  # noqa: E402

import monitoring  # noqa: E402, F401

_LINTER = Linter(str(_SDK / "bin/gcloud"), Path(sys.argv[2]))


# Run → what shall fail in it, how many commands it has sent, and its project: as it is, and as it was written.
_PLANS: dict[Path, dict[str, Any]] = {}


def answer(run: Path, stdin: str, words: list[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    tool, *arguments = words
    if run not in _PLANS:
        text = (run / "project.json").read_text()
        _PLANS.clear()  # one run after the other
        _PLANS[run] = json.loads((run / "plan.json").read_text()) | {"sent": 0, "text": text}
        _PLANS[run]["project"] = json.loads(text)
    plan = _PLANS[run]
    if tool == "fake":
        return _explore(run, plan, *arguments), "", ""
    before = after = plan["text"]
    failing = plan["fail"] == plan["sent"]
    plan["sent"] += 1
    code, output, errors = 0, "", ""
    if tool == "gcloud" and (plan["lint"] == "now" or not _LINTER.unknown({canonical(arguments)})):
        errors = _LINTER.complaint(canonical(arguments))
    if errors:
        code = 2
    elif failing and not plan["after"]:
        code, errors = 1, "ERROR: injected\n"
    else:
        code, output, errors = _carry_out(plan["project"], stdin, tool, arguments)
        # A command that fails may have done a part of its work.
        after = json.dumps(plan["project"])
        if failing:
            code, output, errors = 1, "", "ERROR: injected\n"
    plan["text"] = after
    if plan.get("main"):
        return code, output, errors
    if after != before:
        (run / "project.json").write_text(after)
    entry = {"words": words, "code": code, "changed": after != before, "errors": errors}
    with (run / "calls.jsonl").open("a") as file:
        file.write(json.dumps(entry | ({"before": before} if plan["record"] else {})) + "\n")
    return code, output, errors


def _explore(run: Path, plan: dict[str, Any], what: str, number: str = "") -> int:
    """A copy of the script's shell begins (its `number`-th command from here shall fail), ends, or asks if one did.

    What it does is not the script's: the state is put back, and what it left is noted in `branches.jsonl`.
    """
    if what == "branch":
        plan["main"] = {"text": plan["text"], "sent": plan["sent"]}
        plan["fail"] = plan["sent"] + int(number)
        return 0
    reached = plan["sent"] > plan["fail"]
    if what == "end":
        ended_there = number != "0" and plan["sent"] == plan["fail"] + 1
        if reached:
            with (run / "branches.jsonl").open("a") as file:
                file.write(
                    json.dumps({"number": plan["fail"], "ended_there": ended_there, "left": plan["text"]}) + "\n"
                )
        changed = plan["text"] != plan["main"]["text"]
        plan.update(plan.pop("main"), fail=-1)
        if changed:
            plan["project"] = json.loads(plan["text"])
    return 0 if reached else 1


def _carry_out(project: dict[str, Any], stdin: str, tool: str, arguments: list[str]) -> tuple[int, str, str]:
    words, flags = split(arguments)
    if tool != "gcloud":
        words = [tool, *words]
    api, function, rest = find(words)
    try:
        need_api(project, api)
        found = function(Call(rest, flags, project, stdin))
        return 0, printed(found, flags) if tool == "gcloud" else str(found or ""), ""
    except Refused as refused:
        # bq writes its errors to stdout.
        return (1, f"{refused}\n", "") if tool == "bq" else (1, "", f"ERROR: {refused}\n")


def serve(connection: socket.socket) -> None:
    """Read one request, send one answer."""
    received = b""
    while received.count(b"\0") < 1 or received.count(b"\0") < int(received.split(b"\0", 1)[0]) + 1:
        part = connection.recv(65536)
        if not part:
            return
        received += part
    _, run, stdin, *words = received.decode().split("\0")[:-2]
    if run == "lint":
        _LINTER.ask(_LINTER.unknown(set(words)))
        code, output, errors = 0, json.dumps({word: _LINTER.complaint(word) for word in words}), ""
    else:
        try:
            code, output, errors = answer(Path(run), stdin, words)
        except LookupError as error:
            code, output, errors = 70, "", f"FAKE: {error}\n"
    connection.sendall(b"".join(part.encode() + b"\0" for part in (str(code), output, errors)))


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(ConnectionError):
                serve(connection)


if __name__ == "__main__":
    main()

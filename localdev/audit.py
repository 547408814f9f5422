"""Asks the public vulnerability services about each pinned dependency, and says plainly where no answer came.

    python -m localdev.audit [requirements.txt]

pip-audit alone prints "No known vulnerabilities found" and exits 0 when its service cannot be reached, since it
skips what it cannot look up. Here a dependency is clean only if a service knew this very version and listed
nothing against it.

Exit codes: 0 each one is clean, 1 at least one is vulnerable, 2 usage, 3 at least one was not audited.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Verdict = Literal["clean", "vulnerable", "not audited"]

SERVICES = ("pypi", "osv")
"""Asked in this order; the second one only about what the first did not know."""

SOCKET_TIMEOUT_SECONDS = 10
RUN_TIMEOUT_SECONDS = 180

CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 3

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one pinned dependency, and why."""

    name: str
    version: str
    verdict: Verdict
    why: str


class ServiceUnavailable(Exception):
    """The service gave no usable answer at all; the message says what it said."""


Ask = Callable[[Mapping[str, str], str], Sequence[Mapping[str, Any]]]
"""(name → version, service) → pip-audit's `dependencies`; raises ServiceUnavailable."""


def pins(text: str) -> dict[str, str]:
    """Name → version of each `name==version` line of a requirements file, names normalised."""
    found = (_PIN.match(line.strip()) for line in text.splitlines())
    return {_normalised(match[1]): match[2] for match in found if match}


def _normalised(name: str) -> str:
    """One spelling for each name, as PEP 503 defines it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def ask_pip_audit(pinned: Mapping[str, str], service: str) -> Sequence[Mapping[str, Any]]:
    """Run pip-audit on exactly these pins, resolving and installing nothing."""
    with tempfile.TemporaryDirectory() as directory:
        requirements = Path(directory) / "requirements.txt"
        requirements.write_text("".join(f"{name}=={version}\n" for name, version in pinned.items()))
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
        command += ["--vulnerability-service", service, "--timeout", str(SOCKET_TIMEOUT_SECONDS)]
        command += ["--format", "json", "--progress-spinner", "off", "--desc", "off"]
        try:
            # Exit code 1 means "found some" as well as "failed": the JSON decides.
            run = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise ServiceUnavailable(f"no answer within {RUN_TIMEOUT_SECONDS} s") from None
    try:
        dependencies = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last_line = (run.stderr.strip().splitlines() or [f"pip-audit ended with {run.returncode}"])[-1]
        cause = re.search(r"Caused by (\w+)", last_line)
        raise ServiceUnavailable(cause[1] if cause else last_line[:200]) from None
    return list(dependencies)


def audit(pinned: Mapping[str, str], ask: Ask = ask_pip_audit) -> list[Finding]:
    """One finding for each pin, in the pins' order.

    A pin is clean or vulnerable by the first service that knew it; where none did, the finding carries what
    each of them said.
    """
    decided: dict[str, Finding] = {}
    reasons: dict[str, list[str]] = {name: [] for name in pinned}
    for service in SERVICES:
        open_pins = {name: version for name, version in pinned.items() if name not in decided}
        if not open_pins:
            break
        try:
            answers = {_normalised(entry["name"]): entry for entry in ask(open_pins, service)}
        except ServiceUnavailable as error:
            for name in open_pins:
                reasons[name].append(f"{service} could not be reached ({error})")
            continue
        for name, version in open_pins.items():
            finding = _judge(name, version, answers.get(name, {}), service)
            if isinstance(finding, Finding):
                decided[name] = finding
            else:
                reasons[name].append(finding)
    return [
        decided.get(name) or Finding(name, version, "not audited", "; ".join(reasons[name]))
        for name, version in pinned.items()
    ]


def _judge(name: str, version: str, answer: Mapping[str, Any], service: str) -> Finding | str:
    """A finding, or the reason why this answer is none."""
    if "vulns" not in answer:
        return f"{service}: {answer.get('skip_reason', 'no answer for this dependency').split(':')[0]}"
    if answer.get("version") != version:
        return f"{service}: answered for version {answer.get('version')} instead"
    if not answer["vulns"]:
        return Finding(name, version, "clean", f"{service} lists nothing against this version")
    listed = (
        f"{each['id']} (fixed in {', '.join(each.get('fix_versions', [])) or 'no version yet'})"
        for each in answer["vulns"]
    )
    return Finding(name, version, "vulnerable", "; ".join(listed))


def summary(findings: Sequence[Finding]) -> tuple[str, int]:
    """The last line, and the exit code."""
    count = {verdict: sum(each.verdict == verdict for each in findings) for verdict in ("vulnerable", "not audited")}
    missed, total = count["not audited"], len(findings)
    if missed == total:
        return f"NOTHING WAS AUDITED: no service answered for any of {total} dependencies.", NOT_AUDITED
    coverage = f"{total - missed} of {total} dependencies audited"
    if count["vulnerable"]:
        return f"VULNERABLE: {count['vulnerable']} ({coverage}).", VULNERABLE
    if missed:
        return f"NOT ALL AUDITED: {coverage}, those clean; {missed} unknown.", NOT_AUDITED
    return f"Clean: {coverage}, nothing is listed against any.", CLEAN


def main(argv: Sequence[str] | None = None, ask: Ask = ask_pip_audit) -> int:
    """Print a line for each dependency and the summary; see the module's text for the exit codes."""
    parser = argparse.ArgumentParser(prog="python -m localdev.audit", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("requirements", nargs="?", type=Path, default=Path("requirements.txt"))
    path: Path = parser.parse_args(argv).requirements
    if not path.is_file():
        parser.error(f"there is no file {path}")
    pinned = pins(path.read_text())
    if not pinned:
        parser.error(f"{path} pins nothing (`name==version` lines are read)")
    findings = audit(pinned, ask)
    width = max(len(f"{each.name}=={each.version}") for each in findings)
    for each in findings:
        print(f"{f'{each.name}=={each.version}':<{width}}  {each.verdict:<11}  {each.why}")
    text, code = summary(findings)
    print(text, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())

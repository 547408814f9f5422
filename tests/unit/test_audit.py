"""`make audit` never looks clean where nothing was looked up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from localdev import audit

PINNED = {"flask": "3.1.3", "requests": "2.34.2"}


def clean(name: str, version: str) -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": []}


def skipped(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": f"Dependency not found on PyPI and could not be audited: {name} (1)"}


class Services:
    """Answers by service, and remembers what was asked of whom."""

    def __init__(self, **answers: list[dict[str, Any]] | Exception) -> None:
        self.answers = answers
        self.asked: list[tuple[str, list[str]]] = []

    def __call__(self, pinned: Mapping[str, str], service: str) -> Sequence[Mapping[str, Any]]:
        self.asked.append((service, list(pinned)))
        answer = self.answers[service]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("# pinned\nFlask==3.1.3  # why\nrequests==2.34.2 ; python_version > '3'\n\n-r other.txt\n")
    return path


def test_pins_are_read_with_normalised_names() -> None:
    assert audit.pins("Typing_Extensions==4.1\nzope.interface==5 # note\nunpinned\n-r x.txt") == {
        "typing-extensions": "4.1",
        "zope-interface": "5",
    }


def test_all_known_and_unlisted_is_clean(requirements: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = Services(pypi=[clean("Flask", "3.1.3"), clean("requests", "2.34.2")])
    assert audit.main([str(requirements)], ask) == audit.CLEAN
    assert "Clean: 2 of 2 dependencies audited" in capsys.readouterr().out
    assert ask.asked == [("pypi", ["flask", "requests"])]


def test_pip_audits_own_clean_exit_with_everything_skipped_is_not_clean(
    requirements: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """This is what pip-audit answers behind a mirror: exit 0, "No known vulnerabilities found", all skipped."""
    ask = Services(pypi=[skipped("flask"), skipped("requests")], osv=audit.ServiceUnavailable("no such host"))
    assert audit.main([str(requirements)], ask) == audit.NOT_AUDITED
    captured = capsys.readouterr()
    assert "NOTHING WAS AUDITED: no service answered for any of 2 dependencies." in captured.err
    assert "lean" not in captured.out + captured.err
    for name in PINNED:
        line = next(line for line in captured.out.splitlines() if line.startswith(f"{name}=="))
        assert "not audited" in line
        assert "pypi: Dependency not found on PyPI" in line
        assert "osv could not be reached (no such host)" in line


def test_the_second_service_is_asked_only_about_what_the_first_did_not_know() -> None:
    ask = Services(pypi=[clean("flask", "3.1.3"), skipped("requests")], osv=[clean("requests", "2.34.2")])
    findings = audit.audit(PINNED, ask)
    assert [each.verdict for each in findings] == ["clean", "clean"]
    assert ask.asked == [("pypi", ["flask", "requests"]), ("osv", ["requests"])]


def test_a_vulnerability_names_its_id_and_the_version_that_mends_it() -> None:
    bad = {"name": "flask", "version": "3.1.3", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.4"]}]}
    findings = audit.audit(PINNED, Services(pypi=[bad, clean("requests", "2.34.2")]))
    assert findings[0].verdict == "vulnerable"
    assert findings[0].why == "PYSEC-1 (fixed in 3.1.4)"
    text, code = audit.summary(findings)
    assert (text, code) == ("VULNERABLE: 1 (2 of 2 dependencies audited).", audit.VULNERABLE)


def test_an_answer_for_another_version_is_no_audit_of_ours() -> None:
    ask = Services(pypi=[clean("flask", "9.9"), clean("requests", "2.34.2")], osv=[])
    findings = audit.audit(PINNED, ask)
    assert findings[0].verdict == "not audited"
    assert "answered for version 9.9" in findings[0].why
    assert audit.summary(findings)[1] == audit.NOT_AUDITED


def test_a_dependency_that_the_answer_leaves_out_is_not_audited() -> None:
    findings = audit.audit(PINNED, Services(pypi=[clean("flask", "3.1.3")], osv=[]))
    assert [each.verdict for each in findings] == ["clean", "not audited"]
    assert audit.summary(findings) == (
        "NOT ALL AUDITED: 1 of 2 dependencies audited, those clean; 1 unknown.",
        audit.NOT_AUDITED,
    )


def test_a_file_without_pins_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "requirements.txt").write_text("flask\n")
    with pytest.raises(SystemExit) as stop:
        audit.main([str(tmp_path / "requirements.txt")], Services())
    assert stop.value.code == 2
    assert "pins nothing" in capsys.readouterr().err


def test_the_real_command_judges_every_pin_of_this_project() -> None:
    """Whatever the network here lets through: each pin has a line, and clean means that all were looked up."""
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-m", "localdev.audit"], cwd=root, capture_output=True, text=True, timeout=110, check=False
    )
    pinned = audit.pins((root / "requirements.txt").read_text())
    lines = run.stdout.splitlines()
    for name, version in pinned.items():
        assert any(line.startswith(f"{name}=={version} ") for line in lines), f"{name}: {run.stderr}"
    unknown = sum(" not audited " in line for line in lines)
    assert run.returncode in ({0, 1} if not unknown else {1, 3})
    if unknown == len(pinned):
        assert "NOTHING WAS AUDITED" in run.stderr

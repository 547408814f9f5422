"""Every gcloud command that deploy.sh runs, or that people are told to type, is one that gcloud accepts."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from localdev.sdk import gcloud
from tests.deploy.fake.linter import Linter, cache_of, canonical
from tests.unit.test_deploy import PROJECT, ROOT, dry_run


@pytest.mark.skipif(gcloud() is None, reason="needs gcloud, which checks its own commands: not on the PATH")
def test_every_gcloud_command_is_one_that_gcloud_accepts(tmp_path: Path) -> None:
    """By gcloud's own linter, offline; a wrong flag among them is caught, so that a pass means something."""
    settings = tmp_path / "production.env"
    settings.write_text("GRADING_COMPLETE_TOPIC=done\n")
    lines = [
        *dry_run(),
        *dry_run("--env-file", str(settings), "--old-schedule", "nightly", "--notification-channel", "c"),
    ]
    lines += [*dry_run("rollback"), *dry_run("destroy")]
    commands = sorted({line for line in lines if line.startswith("gcloud ")})
    broken = "gcloud pubsub topics create nba-grading-trigger --no-such-flag=1 --project=demo-project"
    results = lint([*commands, broken])
    assert len(results) == len(commands) + 1
    assert not results.pop(broken)["success"]
    assert {text: each["error_message"] for text, each in results.items() if not each["success"]} == {}


@pytest.mark.skipif(gcloud() is None, reason="needs gcloud, which checks its own commands: not on the PATH")
def test_every_gcloud_command_that_people_are_told_to_type_is_one_that_gcloud_accepts() -> None:
    """Those of the documents, of the alert policies, and of deploy.sh's own words."""
    texts = [path.read_text() for path in [*(ROOT / "docs").glob("*.md"), *ROOT.glob("README.md")]]
    policies = (ROOT / "monitoring/alert_policies").glob("*.json")
    texts += [json.loads(path.read_text())["documentation"]["content"] for path in policies]
    run = subprocess.run(
        [str(ROOT / "deploy.sh"), "--dry-run", *PROJECT], capture_output=True, text=True, timeout=60, check=True
    )
    texts.append(run.stdout.partition("\nDone.")[2])
    found = {match for text in texts for match in re.findall(r"`(gcloud [^`\n]+)`", text)}
    found |= {match for text in texts for match in re.findall(r"^(?:\$ | *|\w+ it: +)(gcloud .*)", text, re.MULTILINE)}
    commands = sorted({first_command(line) for line in found})
    assert len(commands) > 10
    results = lint(commands)
    assert {text: each["error_message"] for text, each in results.items() if not each["success"]} == {}


def first_command(line: str) -> str:
    """A shell line without redirections, comments, remarks set off by spaces, and what it is piped into."""
    line = re.sub(r"\$\(date [^)]*\)", "2026-01-17T00:00:00Z", line.partition("     ")[0])
    words = shlex.shlex(line, posix=True, punctuation_chars="|<>;")
    words.whitespace_split = True
    return shlex.join(itertools.takewhile(lambda word: word[0] not in "|<>;", words))


def lint(commands: list[str]) -> dict[str, dict[str, object]]:
    """Command → what `gcloud meta lint-gcloud-commands` says of it; answers are kept between sessions."""
    sdk = gcloud()
    assert sdk is not None
    linter = Linter(str(sdk), cache_of(sdk))
    lines = {each: canonical(shlex.split(each)[1:]) for each in commands}
    linter.ask(linter.unknown(set(lines.values())))
    found = {each: linter.complaint(line) for each, line in lines.items()}
    return {each: {"success": not text, "error_message": text} for each, text in found.items()}

"""An alert as a Slack message (Block Kit), and as text for a terminal or a log.

Slack's limits: 50 blocks a message (https://api.slack.com/reference/block-kit/blocks), 150 characters in a
header, 3,000 in a section's text, 10 fields of 2,000 in a section. `&`, `<` and `>` are escaped
(https://api.slack.com/reference/surfaces/formatting#escaping), so that no value from an event can ping a
channel or forge a link. What does not fit is cut, and the cut is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from alerts import runbook
from alerts.alert import Alert
from foundation import commands

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_SECTION = 3000
MAX_FIELDS = 10
MAX_FIELD = 2000
MAX_FALLBACK = 3000

_FACT_SECTIONS = 4
_CODE = "```"

Block = dict[str, Any]


def slack_payload(alert: Alert, *, environment: str, runbook_url: str = "") -> dict[str, Any]:
    """The JSON body for an incoming webhook: blocks, and a plain `text` for notifications.

    `runbook_url` is where the runbook is to be read; without one, its path in the source is named.
    """
    blocks: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(_headline(alert), MAX_HEADER), "emoji": False}},
        *_fields([("Environment", environment), ("Severity", alert.severity), *_identity(alert)]),
        _section(f"*What happened*\n{_escaped(alert.what_happened, MAX_SECTION - 100)}"),
        *_fields(alert.facts),
    ]
    if alert.samples:
        blocks.append(_section(_code_block("Samples", alert.samples)))
    if alert.next_command:
        blocks.append(_section(_code_block(commands.label(alert.next_command), [alert.next_command])))
    blocks.append(_section(_runbook(alert, runbook_url)))
    return {**slack_text(alert, environment=environment, runbook_url=runbook_url), "blocks": blocks[:MAX_BLOCKS]}


def slack_text(alert: Alert, *, environment: str, runbook_url: str = "") -> dict[str, Any]:
    """The same alert as plain text only: the fallback for notifications, and for blocks that Slack refuses."""
    return {"text": _escaped(as_text(alert, environment=environment, runbook_url=runbook_url), MAX_FALLBACK)}


def as_text(alert: Alert, *, environment: str | None = None, runbook_url: str = "") -> str:
    """The alert for a terminal or a log: one fact a line."""
    facts = [*([("Environment", environment)] if environment else []), *_identity(alert), *alert.facts]
    width = max((len(label) for label, _ in facts), default=0)
    lines = [_headline(alert), *(f"  {label:<{width}}  {value}" for label, value in facts), f"  {alert.what_happened}"]
    if alert.samples:
        lines += ["  Samples:", *(f"    {sample}" for sample in alert.samples)]
    if alert.next_command:
        lines.append(f"  {commands.label(alert.next_command)}: {alert.next_command}")
    lines.append(f"  Runbook: {runbook.link_of(alert.check, runbook_url)}")
    return "\n".join(lines)


def _headline(alert: Alert) -> str:
    return f"{alert.severity}: {alert.title}"


def _identity(alert: Alert) -> list[tuple[str, str]]:
    named = [("Check", alert.check), ("Date", alert.date), ("Processor", alert.processor), ("Table", alert.table)]
    return [(label, value) for label, value in named if value is not None]


def _fields(facts: Sequence[tuple[str, str]]) -> Iterable[Block]:
    """Facts in sections of ten; past the last section, the number that is left out."""
    room = MAX_FIELDS * _FACT_SECTIONS
    shown = list(facts) if len(facts) <= room else [*facts[: room - 1], ("Left out", f"{len(facts) - room + 1} facts")]
    for start in range(0, len(shown), MAX_FIELDS):
        yield {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": f"*{_escaped(label, 200)}*\n{_escaped(value, MAX_FIELD - 300) or '–'}"}
                for label, value in shown[start : start + MAX_FIELDS]
            ],
        }


def _runbook(alert: Alert, address: str) -> str:
    """A link, if there is an address; Slack shows its text."""
    link = _escaped(runbook.link_of(alert.check, address), MAX_FIELD - 300)
    return f"*Runbook*\n<{link}|{runbook.section_of(alert.check)}>" if address else f"*Runbook*\n{link}"


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _code_block(title: str, lines: Sequence[str]) -> str:
    """Whole lines in a code block as long as they fit; then the number of those left out."""
    room = MAX_SECTION - 100
    kept: list[str] = []
    for line in lines:
        # A backtick would end the block.
        safe = _escaped(line.replace("`", "'"), MAX_SECTION // 2)
        if len(safe) + 1 > room:
            break
        room -= len(safe) + 1
        kept.append(safe)
    left_out = f"\n… and {len(lines) - len(kept)} more" if len(kept) < len(lines) else ""
    body = "\n".join(kept)
    return f"*{title}*\n{_CODE}\n{body}\n{_CODE}{left_out}"


def _escaped(text: str, limit: int) -> str:
    """Escape for Slack, in at most `limit` characters; never cuts through an entity."""
    pieces = [{"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(character, character) for character in text[: limit + 1]]
    if len(text) <= limit and sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    room = limit - 1
    kept: list[str] = []
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"

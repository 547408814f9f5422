"""What BigQuery, Firestore, the metadata server and Slack answer, as documented or reported, and what it means to us.

`answers.json` holds the catalogue. `python -m tests.unit.answers` writes its table into docs/reliability.md.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import requests
import urllib3
from google.api_core import exceptions as api
from google.cloud.bigquery.job.base import _error_result_to_exception

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- answers: begin -->", "<!-- answers: end -->"
NAMES = {"PROJECT": "nba-grading", "DATASET": "grading_data", "TABLE": "prediction_accuracy", "JOB_ID": "grading-1"}

Answer = Mapping[str, Any]
ANSWERS: list[Answer] = json.loads(Path(__file__).with_name("answers.json").read_text(encoding="utf-8"))

MEANING = {
    "transient": ("retried", "the event is redelivered"),
    "conflict": ("retried", "the publish is tried again under the same lock"),
    "outcome_unknown": ("retried", "the job may have been carried out: the lock is left to expire"),
    "lock_unanswered": ("retried", "the lock's document is read to learn what happened"),
    "lock_contended": ("retried", "at once"),
    "retry": ("retried", "within the alert's budget"),
    "lock_unavailable": ("goes on", "without the lock, and says so"),
    "refused": ("not retried", "the event is alerted and acknowledged"),
    "not_initialised": ("not retried", "the event is alerted and acknowledged"),
    "give_up": ("not retried", "the alert is owed, and logged"),
    "answer": ("an answer", "someone else has the lock, or it moved on"),
    "delivered": ("an answer", "the alert is delivered"),
}


def error_of(answer: Answer) -> Exception:
    """The exception that the installed client raises for an answer, in a project whose id ends in `grading`."""
    text = str(answer["text"])
    for name, value in NAMES.items():
        text = text.replace(name, value)
    match answer["kind"]:
        case "http":
            address = "POST https://bigquery.googleapis.com/bigquery/v2/projects/nba-grading/jobs?prettyPrint=false"
            return api.from_http_status(answer["status"], f"{address}: {text}", errors=_details(answer, text))
        case "job_error":
            result = {"message": text, **({"reason": answer["reason"]} if "reason" in answer else {})}
            return _error_result_to_exception(result, errors=[result])  # type: ignore[no-any-return]
        case "grpc":
            return _Rpc(grpc.StatusCode[answer["grpc_code"]], text)
    return _exception(answer, text)


class _Rpc(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self._code, self._text = code, text

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._text


def _details(answer: Answer, text: str) -> list[Any]:
    reason = answer.get("reason")
    if reason is None:
        return []
    return ["text"] if reason.startswith("<") else [{"reason": reason, "message": text, "domain": "global"}]


def _exception(answer: Answer, text: str) -> Exception:
    kind, cause = _class(answer["exception"]), answer.get("cause", "")
    if answer["exception"].endswith("RetryError"):
        return kind(text, _class(cause)(text))
    if issubclass(kind, requests.exceptions.ConnectionError) and cause.endswith(
        ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")
    ):
        return kind(urllib3.exceptions.MaxRetryError(None, "/", _unreached(cause, text)))  # type: ignore[arg-type]
    if cause and answer["exception"].endswith("RefreshError"):
        return kind(_class(cause)(text))
    return kind(32, text) if kind is BrokenPipeError else kind(text)


def _unreached(cause: str, text: str) -> Exception:
    if cause.endswith("NameResolutionError"):
        return urllib3.exceptions.NameResolutionError("bigquery.googleapis.com", None, OSError(text))  # type: ignore[arg-type]
    return _class(cause)(None, text)


def _class(name: str) -> type[Exception]:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module or "builtins"), attribute)  # type: ignore[no-any-return]


def table() -> str:
    """The catalogue as it stands in the documentation: by what becomes of it, then by service."""
    lines = ["| | answer | class | why |", "|---|---|---|---|"]
    order = list(MEANING)
    for answer in sorted(ANSWERS, key=lambda a: (order.index(a["class"]), a["service"])):
        kept, _ = MEANING[answer["class"]]
        source = f"[source]({answer['page']})" if "page" in answer else "no source: an answer of our own making"
        once = " Reported once." if answer.get("reported_once") else ""
        lines.append(f"| {kept} | {_shown(answer)} | {answer['class']} | {_cell(answer['why'])}{once} {source} |")
    return "\n".join(lines)


def _shown(answer: Answer) -> str:
    where = answer.get("status") or answer.get("grpc_code") or answer.get("exception", "").rpartition(".")[2]
    kind = "job error" if answer["kind"] == "job_error" else str(where)
    reason = f", {answer['reason']}" if "reason" in answer else ""
    text = _cell(next((line for line in str(answer["text"]).splitlines() if line), ""))
    short = text if len(text) <= 80 else f"{text[:77]}…"
    return f"{answer['service']} {kind}{_cell(reason)}: `{short.replace('`', '')}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def write() -> None:
    """Put the table into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    write()

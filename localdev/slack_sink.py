"""A stand-in for Slack's incoming webhooks: records each post, and answers as configured."""

from __future__ import annotations

import html
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from localdev.processes import wait_until

_PATH = "/services/T00000000/B00000000/local-webhook-secret"
_CODE = "```"


@dataclass(frozen=True, slots=True)
class Post:
    """One received message, with the status that it was answered."""

    message: dict[str, Any]
    status: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How to answer one post: HTTP status, extra headers, and seconds to wait before."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0


class SlackSink:
    """A context manager; `url` is the value for SLACK_WEBHOOK_URL, `posts` what has come so far."""

    def __init__(self) -> None:
        self._planned: deque[Answer] = deque()
        self._always = Answer()
        self._posts: list[Post] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="slack-sink", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{_PATH}"

    @property
    def posts(self) -> list[Post]:
        """Every post so far, refused ones included."""
        with self._lock:
            return list(self._posts)

    @property
    def delivered(self) -> list[dict[str, Any]]:
        """The messages that were answered with 200."""
        return [post.message for post in self.posts if post.status == 200]

    def answer_next(self, *answers: Answer) -> None:
        """Answer the next posts like this, one each; after them, as usual."""
        with self._lock:
            self._planned.extend(answers)

    def answer_always(self, answer: Answer) -> None:
        """Answer every post like this from now on."""
        with self._lock:
            self._always = answer

    def clear(self) -> None:
        """Forget posts and planned answers."""
        with self._lock:
            self._posts.clear()
            self._planned.clear()
            self._always = Answer()

    def wait_for(self, count: int, *, timeout_seconds: float = 10.0) -> list[Post]:
        """The posts, once there are `count`; whatever there is after `timeout_seconds`."""
        wait_until(lambda: len(self.posts) >= count, timeout_seconds=timeout_seconds)
        return self.posts

    def close(self) -> None:
        """Stop answering."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self, body: bytes) -> Answer:
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        with self._lock:
            # Slack answers 400 invalid_payload to what is not a JSON object.
            answer = self._planned.popleft() if self._planned else self._always
            if not isinstance(message, dict):
                message, answer = {"unreadable": body.decode(errors="replace")}, Answer(status=400)
            self._posts.append(Post(message, answer.status, time.time()))
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                answer = sink._receive(body) if self.path == _PATH else Answer(status=404)
                sink._closing.wait(answer.delay_seconds)
                text = b"ok" if answer.status == 200 else b"refused"
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    return  # the caller has given up waiting

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing: a sink is silent."""

        return Handler


def plain_text(message: dict[str, Any]) -> str:
    """A Block Kit message as a person reads it: a title, `label: value` a line, code indented."""
    lines: list[str] = []
    for block in message.get("blocks", ()):
        for part in (block.get("text"), *block.get("fields", ()), *block.get("elements", ())):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                lines.extend(_readable(part["text"]))
    return "\n".join(lines or [str(message.get("text", ""))])


def _readable(text: str) -> list[str]:
    label, _, rest = html.unescape(text).partition("\n")
    if not (label.startswith("*") and label.endswith("*") and rest):
        return html.unescape(text).splitlines()
    name = label.strip("*")
    if not rest.startswith(_CODE):
        return [f"{name}: {rest}"]
    return [f"{name}:", *(f"    {line}" for line in rest.splitlines() if line != _CODE)]

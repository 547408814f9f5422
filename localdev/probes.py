"""Whether a local server answers."""

from __future__ import annotations

import http.client


def http_answers(port: int, path: str = "/", *, status: int = 200, timeout_seconds: float = 1.0) -> bool:
    """Whether 127.0.0.1:port answers `GET path` with `status`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

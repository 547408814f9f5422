"""The Slack webhook's address from Secret Manager, cached, and bounded in time.

Resource name and the `latest` alias:
https://cloud.google.com/secret-manager/docs/access-secret-version
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from alerts.webhook import WebhookUnavailable, WebhookUrl
from foundation.clock import Clock

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

# The client writes whole answers into this logger at DEBUG, the secret's value included.
_PAYLOAD_LOGGER = "google.cloud.secretmanager_v1.services.secret_manager_service.transports.grpc"


class SecretWebhook:
    """A `WebhookSource` that reads one secret's latest version; see `webhook_url_from_secret`."""

    def __init__(
        self,
        connect: Callable[[], SecretManagerServiceClient],
        name: str,
        clock: Clock,
        *,
        timeout_seconds: float,
        fresh_seconds: float,
        refusal_seconds: float,
    ) -> None:
        self._connect = connect
        self._name = name
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._fresh_seconds = fresh_seconds
        self._refusal_seconds = refusal_seconds
        self._lock = threading.Lock()
        self._client: SecretManagerServiceClient | None = None
        self._cached: WebhookUrl | WebhookUnavailable | None = None
        self._cached_until = 0.0

    def get(self) -> WebhookUrl:
        """The address. Raises `WebhookUnavailable`, and for a short time again without asking."""
        with self._lock:
            if self._cached is None or self._clock.monotonic() >= self._cached_until:
                self._cached, seconds = self._fetch()
                self._cached_until = self._clock.monotonic() + seconds
            if isinstance(self._cached, WebhookUnavailable):
                raise WebhookUnavailable(str(self._cached))
            return self._cached

    def forget(self) -> None:
        """Ask Secret Manager again at the next `get`."""
        with self._lock:
            self._cached = None

    def _fetch(self) -> tuple[WebhookUrl | WebhookUnavailable, float]:
        """The address or why there is none, and for how many seconds to believe it."""
        logging.getLogger(_PAYLOAD_LOGGER).setLevel(logging.INFO)
        try:
            if self._client is None:
                self._client = self._connect()
            # The default would retry for a minute.
            response = self._client.access_secret_version(name=self._name, retry=None, timeout=self._timeout_seconds)
            return WebhookUrl.parse(response.payload.data.decode()), self._fresh_seconds
        except WebhookUnavailable as error:
            return error, self._refusal_seconds
        except Exception as error:  # noqa: BLE001 - whatever fails here, the alert is logged and the work goes on
            why = f"Secret {self._name} could not be read ({type(error).__name__})."
            return WebhookUnavailable(why), self._refusal_seconds


def webhook_url_from_secret(
    connect: Callable[[], SecretManagerServiceClient],
    project: str,
    secret_id: str = "slack-webhook-url",  # noqa: S107 - a name, not a value
    *,
    clock: Clock,
    timeout_seconds: float = 3.0,
    fresh_seconds: float = 3600.0,
    refusal_seconds: float = 30.0,
) -> SecretWebhook:
    """The address in `projects/{project}/secrets/{secret_id}/versions/latest`.

    Args:
        connect: builds the client at first use, so that an invocation without an alert never imports it.
        project: the project's id or number.
        secret_id: the secret's name.
        clock: measures how long an answer is believed.
        timeout_seconds: the longest wait for Secret Manager.
        fresh_seconds: how long an address is used before it is read again.
        refusal_seconds: how long a failure is remembered, so that ten alerts do not wait ten times.
    """
    return SecretWebhook(
        connect,
        f"projects/{project}/secrets/{secret_id}/versions/latest",
        clock,
        timeout_seconds=timeout_seconds,
        fresh_seconds=fresh_seconds,
        refusal_seconds=refusal_seconds,
    )

"""The webhook's address from Secret Manager, against a gRPC server of the client library's own types."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.secretmanager_v1 import (
    AccessSecretVersionRequest,
    AccessSecretVersionResponse,
    SecretManagerServiceClient,
    SecretPayload,
)
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

from alerts.secret import SecretWebhook, webhook_url_from_secret
from alerts.webhook import WebhookUnavailable
from tests.fakes import HandClock
from tests.unit.rpc_server import RpcServer

URL = "https://hooks.slack.com/services/T0/B0/very-secret"


class SecretServer(RpcServer):
    """Answers `AccessSecretVersion` with a payload."""

    def __init__(self) -> None:
        super().__init__(
            "google.cloud.secretmanager.v1.SecretManagerService",
            "AccessSecretVersion",
            read=AccessSecretVersionRequest.deserialize,
            write=AccessSecretVersionResponse.serialize,
            answer=lambda _request, _context: AccessSecretVersionResponse(payload=SecretPayload(data=self.payload)),
        )
        self.payload = URL.encode()
        self.refusal = f"refused: {URL}"

    @property
    def asked(self) -> list[str]:
        return [request.name for request in self.requests]

    def client(self) -> SecretManagerServiceClient:
        return SecretManagerServiceClient(
            transport=SecretManagerServiceGrpcTransport(channel=self.channel(), credentials=AnonymousCredentials())
        )


@pytest.fixture
def server() -> Iterator[SecretServer]:
    running = SecretServer()
    yield running
    running.stop()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def source(server: SecretServer, clock: HandClock) -> SecretWebhook:
    return webhook_url_from_secret(server.client, "demo-project", clock=clock)


def test_the_latest_version_is_read_once_and_cached(server: SecretServer, source: SecretWebhook) -> None:
    assert source.get().reveal() == URL
    assert source.get().reveal() == URL
    assert server.asked == ["projects/demo-project/secrets/slack-webhook-url/versions/latest"]


def test_a_rotated_secret_is_read_after_forget_and_after_an_hour(
    server: SecretServer, source: SecretWebhook, clock: HandClock
) -> None:
    source.get()
    server.payload = b"https://hooks.slack.com/services/new"
    assert source.get().reveal() == URL
    source.forget()
    assert source.get().reveal() == "https://hooks.slack.com/services/new"
    server.payload = b"https://hooks.slack.com/services/newest"
    clock.at += 3601
    assert source.get().reveal() == "https://hooks.slack.com/services/newest"


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ],
)
def test_a_refusal_is_one_request_remembered_for_a_short_time(
    server: SecretServer, source: SecretWebhook, clock: HandClock, status: grpc.StatusCode
) -> None:
    """No hidden retries, and ten alerts in a row do not ask ten times."""
    server.status = status
    for _ in range(10):
        with pytest.raises(WebhookUnavailable, match="could not be read"):
            source.get()
    assert len(server.asked) == 1
    server.status = None
    clock.at += 31
    assert source.get().reveal() == URL


@pytest.mark.timeout(15)
def test_a_hanging_secret_manager_is_given_up_on(server: SecretServer, clock: HandClock) -> None:
    server.hangs = True
    source = webhook_url_from_secret(server.client, "demo-project", clock=clock, timeout_seconds=0.2)
    with pytest.raises(WebhookUnavailable, match="DeadlineExceeded"):
        source.get()


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"not a url", b"http://hooks.slack.com/services/x"])
def test_a_secret_that_is_no_address_is_refused(server: SecretServer, source: SecretWebhook, payload: bytes) -> None:
    server.payload = payload
    with pytest.raises(WebhookUnavailable):
        source.get()


def test_a_client_that_cannot_be_built_is_a_refusal_too(clock: HandClock) -> None:
    def no_credentials() -> SecretManagerServiceClient:
        raise RuntimeError("no credentials")

    with pytest.raises(WebhookUnavailable, match="RuntimeError"):
        webhook_url_from_secret(no_credentials, "demo-project", clock=clock).get()


def test_the_address_is_in_no_error_repr_or_debug_log(
    server: SecretServer, source: SecretWebhook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client library would write the whole answer into its debug log."""
    monkeypatch.setattr(logging.getLogger("google"), "propagate", True)
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="google"):
        address = source.get()
        server.status = grpc.StatusCode.PERMISSION_DENIED
        source.forget()
        with pytest.raises(WebhookUnavailable) as refusal:
            source.get()
    as_the_library_writes_it = base64.b64encode(URL.encode()).decode()
    for text in (caplog.text, *(str(vars(record)) for record in caplog.records), repr(address), str(refusal.value)):
        assert "very-secret" not in text
        assert as_the_library_writes_it not in text
    assert refusal.value.__cause__ is None

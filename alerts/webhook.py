"""The webhook's address as a secret: where it comes from, and how it is kept out of every text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from foundation.errors import GradingError

_LOCAL = ("127.0.0.1", "localhost", "::1")


class WebhookUnavailable(GradingError):
    """The address of the Slack webhook could not be obtained."""


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """A checked address that shows itself to nobody: only `reveal()` gives it."""

    _value: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> WebhookUrl:
        """Accept https anywhere, and http on this machine (a local sink).

        Raises `WebhookUnavailable`, without the text, if it is neither.
        """
        url = text.strip()
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError:
            # The error's own text quotes the address.
            raise WebhookUnavailable("The Slack webhook's address is not a URL.") from None
        if not host or any(character.isspace() for character in url):
            raise WebhookUnavailable("The Slack webhook's address is not a URL.")
        if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL):
            raise WebhookUnavailable("The Slack webhook's address does not begin with https://.")
        return cls(url)

    def reveal(self) -> str:
        """The address, for the request alone."""
        return self._value

    def hide_in(self, text: str) -> str:
        """`text` without the address and without its path, which is the secret part of it."""
        path = urlsplit(self._value).path
        hidden = text.replace(self._value, "<webhook>")
        return hidden.replace(path, "/<webhook>") if len(path) > 1 else hidden


class WebhookSource(Protocol):
    """Where the address comes from."""

    def get(self) -> WebhookUrl:
        """The address, possibly cached. Raises `WebhookUnavailable` within a few seconds."""

    def forget(self) -> None:
        """Drop what is cached: Slack says that the address is not valid any more."""


@dataclass(frozen=True, slots=True)
class FixedWebhook:
    """An address given by a setting (`SLACK_WEBHOOK_URL`); `text` is checked at use, not before."""

    text: str = field(repr=False)

    def get(self) -> WebhookUrl:
        return WebhookUrl.parse(self.text)

    def forget(self) -> None:
        """Nothing to drop: the setting is all there is."""

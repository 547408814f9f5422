"""The environment that processes of the local stack run in: the machine's own, without any cloud in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields

from grading.settings import Settings

# Whatever may point a client at a real project; the service's own settings are in _NAMES.
_CLOUD_PREFIXES = ("GOOGLE_", "GCLOUD_", "GCP_", "CLOUDSDK_", "BIGQUERY_", "FIRESTORE_", "PUBSUB_", "BQEMU_")
# What the size and kind of the terminal are: no output of a test may depend on them.
_TERMINAL = frozenset(
    {
        "COLUMNS", "LINES", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE",
        "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JUPYTER_COLUMNS", "JUPYTER_LINES",
    }
)  # fmt: skip
_NAMES = frozenset({setting.name.upper() for setting in fields(Settings)} | {"K_SERVICE", "PORT", "LOG_EXECUTION_ID"})


def is_foreign(name: str) -> bool:
    """Whether a variable could reach a cloud, set the service up, or say how wide a line is, from outside."""
    if name.startswith("CLOUDSDK_PYTHON"):
        return False  # which interpreter gcloud runs on
    return name.startswith(_CLOUD_PREFIXES) or name in _NAMES | _TERMINAL


def isolated(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of `environment` (default: this process's) that knows no cloud, and no proxy for this machine."""
    source = os.environ if environment is None else environment
    local = "127.0.0.1,localhost"
    return {name: value for name, value in source.items() if not is_foreign(name)} | {
        "NO_PROXY": local,
        "no_proxy": local,
    }

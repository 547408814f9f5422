"""Where the Google Cloud SDK is, if it is there: its emulators are optional parts of the local stack."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

FIRESTORE_LAUNCHER = "platform/cloud-firestore-emulator/cloud_firestore_emulator"
PUBSUB_LAUNCHER = "platform/pubsub-emulator/bin/cloud-pubsub-emulator"


def gcloud() -> Path | None:
    """The gcloud command on the PATH, its links resolved."""
    found = shutil.which("gcloud")
    return Path(found).resolve() if found else None


def launcher(relative: str) -> Path | None:
    """An emulator's own launcher inside the SDK; None if it, the SDK or Java is missing."""
    command = gcloud()
    if command is None or shutil.which("java") is None:
        return None
    path = command.parents[1] / relative
    return path if path.is_file() and os.access(path, os.X_OK) else None


def why_missing(relative: str, component: str) -> str:
    """One plain sentence for a user: what is missing, and what to do."""
    if gcloud() is None:
        return "the gcloud SDK is not on the PATH"
    if shutil.which("java") is None:
        return "Java is not on the PATH; the emulator needs it"
    return f"the SDK has no {relative}: run `gcloud components install {component}`"

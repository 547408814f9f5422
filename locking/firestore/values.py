"""A lock document's values as Firestore's protobufs, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.firestore_v1 import types

from locking.store import Fields

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode(fields: Fields) -> dict[str, Any]:
    """A document's fields as protobuf values."""
    return {name: _encode(value) for name, value in fields.items()}


def decode(fields: Any) -> dict[str, Any]:
    """Protobuf values as Python's. Kinds that a lock document never holds come as text."""
    return {name: _decode(value) for name, value in fields.items()}


def microseconds(timestamp: Any) -> int:
    """A protobuf timestamp in microseconds since the epoch: Firestore gives no finer ones."""
    return int(timestamp.seconds) * 1_000_000 + int(timestamp.nanos) // 1000


def at_version(version: int) -> Any:
    """The precondition that a document was last written at `version`."""
    precondition = types.Precondition.pb()()
    precondition.update_time.seconds, remainder = divmod(version, 1_000_000)
    precondition.update_time.nanos = remainder * 1000
    return precondition


def _encode(value: Any) -> Any:
    encoded = types.Value.pb()()
    if value is None:
        encoded.null_value = 0
    elif isinstance(value, bool):
        encoded.boolean_value = value
    elif isinstance(value, int):
        encoded.integer_value = value
    elif isinstance(value, float):
        encoded.double_value = value
    elif isinstance(value, str):
        encoded.string_value = value
    elif isinstance(value, datetime):
        encoded.timestamp_value.seconds, remainder = divmod((value - _EPOCH) // _MICROSECOND, 1_000_000)
        encoded.timestamp_value.nanos = remainder * 1000
    else:
        raise TypeError(f"a lock document cannot hold {type(value).__name__}")
    return encoded


def _decode(value: Any) -> Any:
    kind = value.WhichOneof("value_type")
    if kind == "null_value":
        return None
    if kind == "timestamp_value":
        return _EPOCH + timedelta(microseconds=microseconds(value.timestamp_value))
    plain = getattr(value, kind)
    return plain if isinstance(plain, bool | int | float | str) else str(plain)

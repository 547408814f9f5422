"""Text that comes from outside, made fit to be stored and shown."""

from __future__ import annotations

import re
import reprlib
import traceback

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 200
_SHOWN.maxlong = 40
_SHOWN.maxlevel = 3
_DIFFERS = re.compile(r"[0-9a-f]{8}[0-9a-f-]*|\d+")


def valid(text: str) -> str:
    """The text without lone surrogates, which Unicode forbids in any encoding: U+FFFD stands for each.

    Two surrogates that make a character together become that character.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shown(value: object) -> str:
    """A value as a message can show it: short, however large or deep it is, and valid. Never raises."""
    try:
        return valid(_SHOWN.repr(value))
    except Exception:  # noqa: BLE001 - a value that cannot show itself is no reason to fail
        return f"a {type(value).__name__}"


def alike(text: str) -> str:
    """What two reports of one failure have in common: the text without its numbers and ids."""
    return _DIFFERS.sub("#", text)[:500]


def whole(error: BaseException) -> str:
    """An error with its traceback, and those of its causes."""
    return valid("".join(traceback.format_exception(error)))

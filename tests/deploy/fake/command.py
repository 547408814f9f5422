"""Command lines: which function answers which words, and with which flags."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from refusal import API_DISABLED, Refused

Answer = list[Any] | dict[str, Any] | str | None


@dataclass
class Call:
    """One command line, and what it may look at.

    Args:
        words: the words that are no flags, after the command's own.
        flags: flag → value; `""` for a flag without one.
        project: the state, to be changed in place.
        stdin: what the command was given on stdin, if it asks for that.
    """

    words: list[str]
    flags: dict[str, str]
    project: dict[str, Any]
    stdin: str = ""

    @property
    def name(self) -> str:
        return self.words[0].rpartition("/")[2]

    def on(self, flag: str) -> bool:
        return flag in self.flags


_COMMANDS: dict[tuple[str, ...], tuple[str, Callable[[Call], Answer]]] = {}


def command(words: str, api: str = "") -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
    """Register the answer to a command; `api` is what must be enabled in the project."""

    def register(function: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        _COMMANDS[tuple(words.split())] = (api, function)
        return function

    return register


def split(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Words and flags of a command line."""
    words, flags = [], {}
    for argument in arguments:
        if argument.startswith("--"):
            name, _, value = argument[2:].partition("=")
            flags[name] = value
        else:
            words.append(argument)
    return words, flags


def find(words: list[str]) -> tuple[str, Callable[[Call], Answer], list[str]]:
    """API, function and further words of the longest command that the words begin with."""
    bare = [word for word in words if word not in ("alpha", "beta")]
    for length in range(min(len(bare), 6), 0, -1):
        if tuple(bare[:length]) in _COMMANDS:
            api, function = _COMMANDS[tuple(bare[:length])]
            return api, function, bare[length:]
    raise LookupError(f"the fake does not know: {shlex.join(words)}")


def need_api(project: dict[str, Any], api: str) -> None:
    """Refuse a command whose API is not enabled."""
    if api and api not in project["apis"]:
        raise Refused(
            f"SERVICE_DISABLED: {api}.googleapis.com has not been used in project before or is disabled", API_DISABLED
        )

"""What a script says apart from the values in it, so that the analyzer is asked once about each shape.

A value is replaced only where nothing but its type decides: in a list in brackets, behind IN, in a row of VALUES, and
as a column of a SELECT. What the analyzer looks into stays: a date that is none, NULL, an escape, the number of
columns. A text becomes one that no other type accepts, so that no shape is accepted where its script would be
refused.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

_TOKEN = re.compile(
    r"""(?P<comment> --[^\n]* | \#[^\n]* | /\*.*?\*/ )
    | (?P<string> (?:\b[rRbB]{1,2})? (?: '{3}(?:[^\\]|\\.)*?'{3} | "{3}(?:[^\\]|\\.)*?"{3}
        | '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" ) )
    | (?P<name> `[^`\n]*` )
    | (?P<space> \s+ )
    | (?P<number> (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? (?!\w) )
    | (?P<word> @*\w+ )
    | (?P<sign> . )""",
    re.VERBOSE | re.DOTALL,
)
# What differs from run to run in names and texts, and what stands for it.
_OF_A_RUN = (
    (re.compile(r"(_\d{8}_)?[0-9a-f]{32}(_\d+)?"), "RUN"),
    (re.compile(r"(?<=[a-z])_[0-9a-f]{10}(?=[.-])"), ""),  # a test's own dataset
    (re.compile(r"backup-\d{8}T\d{6}-[0-9a-f]{6}-"), "backup-RUN-"),
    (re.compile(r"'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'"), "'RUN'"),
    (re.compile(r"\b1\d{12}\b"), "1700000000000"),  # a data token
)
_TIME = re.compile(r"'\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?\+00:00)?'")
_SOME_DAY, _SOME_MOMENT = "'2024-01-01'", "'2024-01-01 00:00:00+00:00'"
_TEXT = re.compile(r"'(?!\d{4}-)([^\\'\n\r\0]|\\[\\'\"n]|\\U000000[0-9a-f]{2})*'")
_SOME_TEXT = "'text'"
_INTEGER = re.compile(r"-?\d{1,18}")
_SOME_INTEGER = "0"
_VALUE = re.compile(r"0|NULL|TRUE|FALSE|((DATE|TIMESTAMP) )?'[^'\\]*'", re.IGNORECASE)


@dataclass
class _Level:
    """What stands between two brackets, or in none: items between commas.

    `kind` is "list" if they may be values of one type, of which each is needed once; "row" if they may be values of a
    row; else "".
    """

    kind: str = ""
    items: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    values: set[str] = field(default_factory=set)
    row: str | None = None  # a row of values alone, in this item
    rows: bool = False  # VALUES has come
    columns: bool = False  # SELECT has come, and its columns have not ended

    def opens(self, bracket: str, before: str) -> _Level:
        """The level that a bracket behind `before` opens."""
        if bracket == "[":
            return _Level("" if re.fullmatch(r"(?!ARRAY$)\w+|`.*`|[)\]]", before, re.IGNORECASE) else "list")
        if before.upper() == "IN":
            return _Level("list")
        in_rows = before.upper() == "VALUES" or (before == "," and self.rows)
        return _Level("row" if in_rows or (self.kind == "list" and before in ("[", ",")) else "")

    def meets(self, word: str) -> None:
        """The next word in it."""
        self.rows = self.rows or word == "VALUES"
        self.columns = word == "SELECT" or (self.columns and word not in ("FROM", "BY"))

    def end_item(self) -> None:
        """The parts so far are an item."""
        text = "".join(self.parts)
        if self.kind or self.columns:
            some = _without_value(text.strip())
            text = some if self.kind or some != text.strip() else text
        if text == self.row or _VALUE.fullmatch(text):
            self.values.add(text)
        self.items.append(text)
        self.parts, self.row = [], None

    @property
    def has_values_only(self) -> bool:
        """Whether nothing else is in it."""
        return bool(self.kind) and self.values.issuperset(self.items)

    def text(self) -> str:
        """The items; of a list of values each once."""
        if not self.kind:
            return ",".join(self.items)
        return ", ".join(dict.fromkeys(self.items) if self.kind == "list" and self.has_values_only else self.items)


def statements(script: str) -> list[str]:
    """The shape of each statement of a script, in order, without comments."""
    for pattern, always in _OF_A_RUN:
        script = pattern.sub(always, script)
    shapes, levels, before = [], [_Level()], ""
    for token in _TOKEN.finditer(f"{script}\n;"):
        group, text, level = token.lastgroup, token[0], levels[-1]
        if group in ("comment", "space"):
            level.parts.append(" " if level.kind or group == "comment" else text)
            continue
        if text in ("(", "["):
            levels.append(level.opens(text, before))
        elif text in (")", "]") and len(levels) > 1:
            level.end_item()
            levels.pop()
            whole = f"{'(' if text == ')' else '['}{level.text()}{text}"
            levels[-1].parts.append(whole)
            levels[-1].row = whole if level.has_values_only else None
        elif text == ",":
            level.end_item()
        elif text == ";" and len(levels) == 1:
            level.end_item()
            shapes.append(level.text().strip())
            levels = [_Level()]
        else:
            level.meets(text.upper())
            level.parts.append(_some_time(text) if group == "string" else text)
        before = text
    if len(levels) > 1:  # a bracket is not closed: the analyzer says where
        return [script]
    return [shape for shape in shapes if shape]


def normalised(name: str) -> str:
    """A name, or a script, without what differs from run to run in names."""
    for pattern, always in _OF_A_RUN:
        name = pattern.sub(always, name)
    return name


def _some_time(text: str) -> str:
    """Some day or moment for one that exists; the text itself if it is none."""
    if _TIME.fullmatch(text):
        with suppress(ValueError):
            datetime.fromisoformat(text.strip("'"))
            return _SOME_DAY if len(text) == len(_SOME_DAY) else _SOME_MOMENT
    return text


def _without_value(item: str) -> str:
    """Some value of the same type, if the item is an integer or a text; else the item itself."""
    if _TEXT.fullmatch(item):
        return _SOME_TEXT
    return _SOME_INTEGER if _INTEGER.fullmatch(item) else item

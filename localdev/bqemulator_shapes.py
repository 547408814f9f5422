"""Lets bqemulator read and translate each shape of a statement once.

Most statements that it gets differ from an earlier one in run ids, names of datasets, dates and values of a row alone.
Translation does not look into these: a statement is translated with placeholders for them, and the answer is
remembered. What took long is kept in files for the next emulator.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import re
import sys
import time
import uuid
from collections.abc import Callable, Hashable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bqemulator.domain.errors import InvalidQueryError, UnsupportedFeatureError
from bqemulator.domain.result import Err, Ok
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.scripting.ast import Script, SqlStmt
from bqemulator.sql.translator import SQLTranslator

# What a translation copies and never reads, each kind with its placeholder for a number below 1000: datasets, run ids,
# what makes a table's name unique, the date in a table's name, tokens, and dates and times in quotes.
_KINDS: tuple[tuple[str, str], ...] = (
    (r"\bnba_\w+(?=[`\"]?\.)", "ds_5ab1e{:03d}5a"),
    (r"(?<=[_'-])[0-9a-f]{32}(?![0-9a-z])", "5ab1e{:03d}5ab1e5ab1e5ab1e5ab1e5ab1"),
    (r"(?<=_)[0-9a-f]{10}(?![0-9a-z])", "5ab1e{:03d}5a"),
    (r"(?<=_)[0-9]{8}(?=_)", "87654{:03d}"),
    (r"(?<![\w.])[0-9]{13}(?![\w.])", "8765432109{:03d}"),
    (r"(?<=')[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9:.]+(?:[+-][0-9:]+|Z)?)?(?=')", "8{:03d}-12-25"),
)
# Values that fill a line, as in a row that is inserted: a text without escapes and an integer are only copied there.
_VALUE = r"(?:-?\d+|NULL|TRUE|FALSE|(?:(?:DATE|TIMESTAMP) )?'[^'\\\n]*')"
_VALUES = re.compile(rf"^[ \t]*\(?{_VALUE}(?:, *{_VALUE})*\)?(?:,|\))?$", re.MULTILINE)
_COPIED = re.compile(r"'(?P<text>[^'\n]*)'|(?<!\w)(?P<number>\d{1,18})(?!\w)")
_A_TEXT, _AN_INTEGER = "5ab1f{:05d}5ab1f5ab1f5ab1f5ab1f5ab1", "87654321{:08d}"
_MANY, _MANY_VALUES = 1000, 100_000
_OPAQUE = re.compile("|".join(f"({pattern})" for pattern, _ in _KINDS))
_PLACEHOLDER = re.compile(
    r"5ab1f[0-9]{5}5ab1f5ab1f5ab1f5ab1f5ab1|87654321[0-9]{8}"
    r"|(?:ds_)?5ab1e[0-9]{3}5a(?:b1e5ab1e5ab1e5ab1e5ab1)?|8765432109[0-9]{3}|87654[0-9]{3}|8[0-9]{3}\D?12\D?25"
    r"(?:[ T][0:.]+(?:[+-][0:]+|Z)?)?"
)
_DATE = len("2000-01-01")
_REMEMBERED = 4096
_LONG_SECONDS = 0.005
_SCHEMA = "\0schema: "


class Answer(str):
    """An answer with what its text held; the next translation needs not look for it again.

    `shape` is the answer with placeholders, `originals` what they stand for.
    """

    shape: str
    originals: dict[str, str]

    @classmethod
    def of(cls, shape: str, originals: dict[str, str]) -> Answer:
        """The answer in which the originals stand."""
        answer = cls(_filled(shape, originals))
        answer.shape, answer.originals = shape, originals
        return answer


class Shapes:
    """Remembers what `translate` answers, by the shape of the text that it was asked about.

    `translate(text, key)` copies what `_KINDS` names from the text to its answer, and depends on nothing else.

    Args:
        translate: what is remembered.
        kept: the directory in which answers that took long are kept, if anywhere; of the same `translate` alone.
    """

    def __init__(self, translate: Callable[[str, Hashable], str], kept: Path | None = None) -> None:
        self._translate = translate
        self._kept = kept
        self._known: dict[Hashable, str] = {}
        if kept:
            kept.mkdir(parents=True, exist_ok=True)

    def __call__(self, text: str, key: Hashable = None) -> str:
        """What `translate(text, key)` answers; the text may be an `Answer`. Raises what `translate` raises."""
        shape, originals = (text.shape, text.originals) if isinstance(text, Answer) else shape_of(text)
        if (shape, key) not in self._known:
            try:
                answer = self._ask(shape, key)
            except Exception:  # noqa: BLE001 - the error has to name what the text holds
                return self._translate(text, key)
            if originals and _PLACEHOLDER.search(_filled(answer, originals)):
                return self._translate(text, key)  # it has read what it should only copy
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[shape, key] = answer
        return Answer.of(self._known[shape, key], originals)

    def _ask(self, shape: str, key: Hashable) -> str:
        """The answer for a shape: from its file, or from `translate`."""
        if self._kept is None:
            return self._translate(shape, key)
        file = self._kept / hashlib.sha256(f"{shape}\0{key!r}".encode()).hexdigest()
        with contextlib.suppress(OSError):
            return file.read_text(encoding="utf-8")
        began = time.monotonic()
        answer = self._translate(shape, key)
        if time.monotonic() - began > _LONG_SECONDS:
            part = file.with_suffix(f".{uuid.uuid4().hex}")
            with contextlib.suppress(OSError):
                part.write_text(answer, encoding="utf-8")
                part.replace(file)
        return answer


def kept_in(directory: Path) -> Path:
    """Where answers are kept: in a directory for these versions of what makes them."""
    made_by = [f"{name} {version(name)}" for name in ("bqemulator", "sqlglot", "duckdb")] + [sys.version]
    made_by += [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("bqemulator_*.py"))]
    return directory / hashlib.sha256("\0".join(made_by).encode()).hexdigest()[:16]


def translate_each_shape_once(kept: Path | None = None) -> None:
    """Let the emulator's translator, and what puts names of tables into its answers, remember shapes.

    Args:
        kept: where what took long is kept; see `kept_in`.
    """
    translate: Callable[..., Any] = SQLTranslator.translate

    def translated(text: str, caller: Hashable) -> str:
        sql, _, schema = text.partition(_SCHEMA)
        return str(translate(translator, sql, schema=ast.literal_eval(schema), caller=caller).unwrap())

    translator, shapes = SQLTranslator(), Shapes(translated, kept and kept / "translated")

    def translate_shape(_: SQLTranslator, sql: str, *, schema: Any = None, caller: Any = None, **_further: Any) -> Any:
        try:
            return Ok(shapes(f"{sql}{_SCHEMA}{schema!r}", caller))
        except (InvalidQueryError, UnsupportedFeatureError) as error:
            return Err(error)

    SQLTranslator.translate = translate_shape  # type: ignore[method-assign,assignment]
    named = Shapes(vars(executor)["rewrite_table_refs"], kept and kept / "named")
    for module in (executor, interpreter):
        vars(module)["rewrite_table_refs"] = named


def read_each_script_once() -> None:
    """Let the emulator find the statements of a script by its shape. It looks for them in each text, letter by letter,
    and in that of a script twice."""
    parse: Callable[[str], Script] = vars(executor)["parse_script"]
    known: dict[str, list[str]] = {}

    @functools.lru_cache(maxsize=1)
    def parse_script(source: str) -> Script:
        shape, originals = shape_of(source)
        if shape not in known:
            script = parse(source)
            if not all(isinstance(statement, SqlStmt) for statement in script.statements):
                return script
            if len(known) >= _REMEMBERED:
                known.clear()
            known[shape] = [statement.sql for statement in parse(shape).statements if isinstance(statement, SqlStmt)]
        return Script(tuple(SqlStmt(_filled(statement, originals)) for statement in known[shape]))

    for module in (executor, interpreter):
        vars(module)["parse_script"] = parse_script


def shape_of(text: str) -> tuple[str, dict[str, str]]:
    """The text with placeholders, and what each of them stands for; the text alone if it cannot be done safely."""
    if _PLACEHOLDER.search(text):
        return text, {}
    originals: dict[str, str] = {}
    values: dict[str, str] = {}
    known: dict[str, str] = {}

    def value(found: re.Match[str]) -> str:
        """A placeholder of its own: a shape does not depend on which values of a row are equal."""
        original = found["text"] or found["number"]
        if not original or re.match(r"[0-9]{4}-", original):  # perhaps a time, of which the form is read
            return found[0]
        new = (_A_TEXT if found["text"] else _AN_INTEGER).format(len(values))
        values[new] = original
        return f"'{new}'" if found["text"] else new

    def opaque(found: re.Match[str]) -> str:
        original = found[0]
        if original not in known and original not in values:
            form = _KINDS[found.lastindex - 1][1].format(len(originals))  # type: ignore[operator]
            # The time of day keeps its form: whether there is a time zone decides about the type.
            known[original] = form + re.sub(r"[0-9]", "0", original[_DATE:]) if "-" in form else form
            originals[known[original]] = original
        return known.get(original, original)

    shape = _OPAQUE.sub(opaque, _VALUES.sub(lambda line: _COPIED.sub(value, line[0]), text))
    few = len(originals) < _MANY and len(values) < _MANY_VALUES
    return (shape, originals | values) if few else (text, {})


def _filled(answer: str, originals: dict[str, str]) -> str:
    """The answer with what its placeholders stand for. Behind a date there may be a time that the translator added."""

    def original(found: re.Match[str]) -> str:
        text = found[0]
        return originals.get(text) or originals.get(text[:_DATE], text[:_DATE]) + text[_DATE:]

    return _PLACEHOLDER.sub(original, answer) if originals else answer

"""Writes docs/settings.md from `grading.settings.Settings`: `python -m localdev.settings_page`.

Each field of `Settings` has a string below it that says its unit and meaning; the page is nothing but these.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import MISSING, fields
from pathlib import Path

from grading.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"

_HEAD = """# Settings

Each is an environment variable. `deploy.sh --env-file FILE` passes the lines of the file, a `KEY=VALUE` each, to the
function and to `init`. A variable that is unset or empty keeps its default. Tables are `dataset.table`, in
`GOOGLE_CLOUD_PROJECT` unless written `project.dataset.table`. This page is generated from `grading/settings.py` by
`python -m localdev.settings_page`.

| variable | default | meaning |
|---|---|---|
"""


def meanings() -> dict[str, str]:
    """The text below each field of `Settings`, by the field's name."""
    body = ast.parse(inspect.getsource(Settings)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = str(ast.literal_eval(text.value))
    return found


def page() -> str:
    """The whole page. Raises `KeyError` for a setting that says nothing about itself."""
    said = meanings()
    rows = []
    for setting in fields(Settings):
        default = "required" if setting.default is MISSING else _shown(setting.default)
        meaning = " ".join(said[setting.name].split())
        rows.append(f"| `{setting.name.upper()}` | {default} | {meaning} |\n")
    return _HEAD + "".join(rows)


def _shown(default: object) -> str:
    if default == "":
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

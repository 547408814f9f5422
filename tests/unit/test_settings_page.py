"""docs/settings.md has every setting, as the code has it."""

from __future__ import annotations

from dataclasses import fields

from grading.settings import Settings
from localdev.settings_page import PAGE, meanings, page


def test_each_setting_says_what_it_means() -> None:
    assert set(meanings()) == {setting.name for setting in fields(Settings)}
    assert all(text[0].isupper() and text.endswith(".") for text in meanings().values())


def test_the_page_is_current() -> None:
    """If it is not: python -m localdev.settings_page."""
    assert PAGE.read_text(encoding="utf-8") == page()

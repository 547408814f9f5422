"""The page: its size, what it says when it has nothing to say, and that no name from a table gets out of its place."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from html.parser import HTMLParser

import pytest

from grading.report.data import MOST_RUNS_OF_A_DATE, ReportData
from grading.report.page import render
from tests import report_data
from tests.report_data import ACCIDENT, HOSTILE

MOST_BYTES = 400 * 1024


class _Tags(HTMLParser):
    """Collects tags, their attributes, and what ids and links there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")


ALL = {
    "accident": report_data.accident, "year": report_data.year, "empty": report_data.empty,
    "hostile": report_data.hostile, "crowd": lambda: report_data.crowd(200, MOST_RUNS_OF_A_DATE),
}  # fmt: skip


@pytest.fixture(params=ALL, ids=list(ALL))
def data(request: pytest.FixtureRequest) -> ReportData:
    return ALL[request.param]()


def test_every_page_is_small_whole_and_asks_for_nothing(data: ReportData) -> None:
    """At most 400 KiB, links within the page alone and none of them dead, no script, no attribute that acts."""
    page = render(data)
    found = _Tags(page)
    assert len(page.encode()) <= MOST_BYTES
    assert {"script", "img", "iframe", "object", "form", "link", "base", "embed"} & set(found.tags) == set()
    assert not any(name.startswith("on") or name == "style" for name in found.attributes)
    assert all(link.startswith("#") for link in found.links)
    assert {link[1:] for link in found.links} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    assert found.tags.count("table") == page.count("<caption>")


def test_the_policy_lets_in_its_own_style_sheet_and_nothing_else() -> None:
    page = render(report_data.accident())
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_names_stay_text() -> None:
    page = render(report_data.hostile())
    assert HOSTILE not in page
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6
    assert "{{ 7*7 }}" in page
    assert "49" not in page.split("<main>")[0]


def test_an_empty_project_says_so() -> None:
    page = render(report_data.empty())
    for words in (
        "No run is recorded in this range.", "There is nothing to show in this range.",
        "No system has grades in this range.", "No date of this range has predictions, grades or runs.",
        "each processor had one plain run, or none",
    ):  # fmt: skip
        assert words in page


def test_the_accident_is_told_in_letters_lanes_and_words() -> None:
    """The cell has letter and mark and leads to the date; four lanes, one of which waited and one refused."""
    page = render(report_data.accident())
    assert f'<td class=r><a href="#d{ACCIDENT:%Y%m%d}" title="{ACCIDENT}: repaired">R!</a>' in page
    section = page.split(f'id="d{ACCIDENT:%Y%m%d}"')[1].split("</section>")[0]
    assert section.count("<g><title>") == 4
    assert section.count('class="waited"') >= 1
    assert "(was refused first)" in section
    assert "188,946 duplicate keys were found" in section
    assert f"python -m grading explain {ACCIDENT}" in section


def test_what_is_left_out_is_said() -> None:
    assert f"{ACCIDENT} has 200 runs; {MOST_RUNS_OF_A_DATE} are shown." in render(
        report_data.crowd(200, MOST_RUNS_OF_A_DATE)
    )


def test_a_year_is_made_quickly(record_property: pytest.FixtureRequest) -> None:
    """Time and size are reported, not asserted."""
    data = report_data.year()
    began = time.perf_counter()
    page = render(data)
    record_property("seconds", round(time.perf_counter() - began, 2))  # type: ignore[operator]
    record_property("bytes", len(page.encode()))  # type: ignore[operator]
    print(f"{len(page.encode()) / 1024:.0f} KiB in {time.perf_counter() - began:.2f} s")

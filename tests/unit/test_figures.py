"""One convention for numbers, plurals and spans; and the progress bar in 80 columns."""

from __future__ import annotations

import pytest
from rich.console import Console

from foundation import figures
from grading.cli.progress import date_bar


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1417, "1,417"), (4.5, "4.5"), (6.0, "6"), (0.04, "0"), (-0.01, "0"), (1e6, "1,000,000")],
)
def test_a_number_has_commas_and_no_idle_zero(value: float, text: str) -> None:
    assert figures.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(1, "100%"), (0.95, "95%"), (0.524, "52.4%"), (0, "0%")])
def test_a_share_is_in_percent(value: float, text: str) -> None:
    assert figures.share(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0 s"), (1.5, "1.5 s"), (9.96, "10 s"), (59.6, "60 s"), (120, "2 min"), (750, "12.5 min"),
        (7200, "2 h"), (9000, "2.5 h"), (172800, "2 days"),
    ],
)  # fmt: skip
def test_a_span_is_in_its_largest_fitting_unit(seconds: float, text: str) -> None:
    assert figures.span(seconds) == text


def test_one_is_no_plural() -> None:
    assert [figures.counted(count, "date") for count in (0, 1, 2000)] == ["0 dates", "1 date", "2,000 dates"]
    assert figures.counted(1, "key has", "keys have") == "1 key has"
    assert figures.counted(2, "key has", "keys have") == "2 keys have"


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [
        ("2026-01-17 a 9.500000000: 2 rows", "2026-01-17 a 9.5: 2 rows"),
        ("20.0", "20"),
        ("1.05", "1.05"),
        ("100", "100"),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("12:00:00.500", "12:00:00.500"),
    ],
)
def test_numbers_in_a_text_end_in_no_idle_zero(text: str, trimmed: str) -> None:
    assert figures.trimmed(text) == trimmed


@pytest.mark.parametrize("width", [80, 100, 140])
def test_progress_fits_the_screen_with_count_rate_and_time_left(width: int) -> None:
    """With the longest name, and hours left."""
    console = Console(width=width, force_terminal=True, color_system=None)
    bar = date_bar(console)
    task = bar.add_task("prediction_performance_summary", total=12_000, now="2026-01-15, 2026-01-16, 2026-01-17")
    bar.update(task, completed=345)
    with console.capture() as captured:
        console.print(bar.get_renderable())
    (line,) = captured.get().splitlines()
    assert len(line.rstrip()) <= width
    assert "345/12000" in line
    assert "/s" in line
    assert " left" in line


def test_there_is_no_bar_in_a_pipe() -> None:
    assert date_bar(Console(width=80, force_terminal=False)).disable

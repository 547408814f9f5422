"""Charts as SVG, made by hand: numbers in, coordinates out. What is text is escaped by the template that draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from grading.history import RunRecord
from grading.outcome import Status
from grading.report.data import Decile, SystemPoint

WIDTH, HEIGHT = 640, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 8, 20
LANE_WIDTH, LANE_HEIGHT, LANE_LEFT = 900, 18, 150
# Runs that lie further apart than this are drawn with a break between them.
_BREAK_SECONDS = 60.0
_BREAK_WIDTH = 70.0
# Room for the words at the end of the last lane.
_MARK_WIDTH = 160
_SHORTEST_SECONDS = 0.05
# More bars than these are drawn as one shape, without a title each.
_MOST_SINGLE_BARS = 100


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis: where, and what."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its name, its place in the palette, and its points as SVG wants them."""

    name: str
    colour: int
    points: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: left, top, width and height, and what it says."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its axes; lines or bars or both."""

    title: str
    unit: str
    y_ticks: Sequence[Tick]
    x_ticks: Sequence[Tick]
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    bars_path: str = ""
    dots: Sequence[Bar] = ()
    diagonal: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a lane: `waited`, `worked` or `publishing`."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One run: its name, its stretches, and how it ended."""

    y: int
    name: str
    parts: Sequence[Part]
    end: float
    mark: str
    ended: str
    refused: bool
    text: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """The runs of one date and processor beside each other in time."""

    height: int
    lanes: Sequence[Lane]
    ticks: Sequence[Tick]
    breaks: Sequence[Tick]


def bars(
    title: str, unit: str, values: Mapping[date, float], first: date, last: date, text: Callable[[float], str]
) -> Chart:
    """A bar for each date that has a value above 0."""
    top = max(values.values(), default=0.0) or 1.0
    days = (last - first).days + 1
    step = (WIDTH - _LEFT - _RIGHT) / days
    found = []
    for day, value in sorted(values.items()):
        if value > 0:
            height = (HEIGHT - _TOP - _BOTTOM) * value / top
            found.append(
                Bar(
                    round(_LEFT + (day - first).days * step, 1),
                    round(HEIGHT - _BOTTOM - height, 1),
                    round(max(1.0, step * 0.8), 1),
                    round(height, 1),
                    f"{day}: {text(value)}",
                )
            )
    y_ticks, x_ticks = _y_ticks(0, top, text), _x_ticks(first, last)
    if len(found) > _MOST_SINGLE_BARS:
        path = "".join(f"M{bar.x} {HEIGHT - _BOTTOM}v-{bar.height}h{bar.width}v{bar.height}" for bar in found)
        return Chart(title, unit, y_ticks, x_ticks, bars_path=path)
    return Chart(title, unit, y_ticks, x_ticks, bars=found)


def by_system(
    title: str, unit: str, points: Sequence[SystemPoint], value: Callable[[SystemPoint], float | None],
    first: date, last: date, text: Callable[[float], str],
) -> Chart:  # fmt: skip
    """A line for each system over time; a period without a value is a gap that the line crosses."""
    found = [(point, number) for point in points if (number := value(point)) is not None]
    low = min((number for _, number in found), default=0.0)
    high = max((number for _, number in found), default=1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    days = max(1, (last - first).days)
    lines = []
    for place, name in enumerate(sorted({point.system_id for point, _ in found})):
        coordinates = [
            f"{_LEFT + (WIDTH - _LEFT - _RIGHT) * max(0, (point.period - first).days) / days:.0f},"
            f"{HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (number - low) / (high - low):.0f}"
            for point, number in found
            if point.system_id == name
        ]
        lines.append(Line(name, place, " ".join(coordinates)))
    return Chart(title, unit, _y_ticks(low, high, text), _x_ticks(first, last), lines=lines)


def reliability(deciles: Sequence[Decile]) -> Chart:
    """Share of right recommendations over stated confidence; on the diagonal, the confidence tells the truth."""
    side = HEIGHT - _TOP - _BOTTOM
    dots = []
    for decile in deciles:
        if decile.decided and decile.confidence is not None:
            share = decile.correct / decile.decided
            dots.append(
                Bar(
                    round(_LEFT + side * 2 * decile.confidence, 1),
                    round(HEIGHT - _BOTTOM - side * share, 1),
                    4,
                    4,
                    f"confidence {decile.confidence:.0%}: {share:.1%} of {decile.decided:,} right",
                )
            )
    diagonal = f"{_LEFT},{HEIGHT - _BOTTOM} {_LEFT + side * 2},{_TOP}"
    x_ticks = [Tick(_LEFT + side * 2 * share, f"{share:.0%}") for share in (0.0, 0.5, 1.0)]
    return Chart(
        "Reliability of the confidence", "share right over stated confidence", _y_ticks(0, 1, lambda v: f"{v:.0%}"),
        x_ticks, dots=dots, diagonal=diagonal,
    )  # fmt: skip


def lanes(runs: Sequence[RunRecord], zone: ZoneInfo, names: Callable[[RunRecord], str]) -> Lanes:
    """The runs of a date in lanes, on one axis of time in which long pauses are cut short."""
    spans = [(run, *_span(run)) for run in runs]
    clusters: list[tuple[float, float]] = []
    for start, end in sorted((start, end) for _, start, end in spans):
        if clusters and start - clusters[-1][1] < _BREAK_SECONDS:
            clusters[-1] = (clusters[-1][0], max(clusters[-1][1], end))
        else:
            clusters.append((start, end))
    room = LANE_WIDTH - LANE_LEFT - _MARK_WIDTH - _BREAK_WIDTH * max(0, len(clusters) - 1)
    # Each cluster has a share that one second of work alone would have, and the rest by how long it is.
    weights = [max(end - start, 0.5) for start, end in clusters]
    even = 0.5 * room / max(1, len(clusters))
    widths = [even + 0.5 * room * weight / sum(weights) for weight in weights]
    lefts = [LANE_LEFT + sum(widths[:place]) + _BREAK_WIDTH * place for place in range(len(clusters))]

    def x(moment: float) -> float:
        for (start, end), left, width in zip(clusters, lefts, widths, strict=True):
            if moment <= end:
                share = (moment - start) / (end - start) if end > start else 0.0
                return round(left + width * min(1.0, max(0.0, share)), 1)
        return round(lefts[-1] + widths[-1], 1)

    drawn = [_lane(place, run, x, names) for place, (run, _, _) in enumerate(spans)]
    ticks = [
        Tick(round(left, 1), f"{datetime.fromtimestamp(start, UTC).astimezone(zone):%H:%M:%S}")
        for (start, _), left in zip(clusters, lefts, strict=True)
    ]
    breaks = [
        Tick(round(lefts[place] - _BREAK_WIDTH / 2, 1), _pause(clusters[place][0] - clusters[place - 1][1]))
        for place in range(1, len(clusters))
    ]
    return Lanes(len(drawn) * LANE_HEIGHT + 24, drawn, ticks, breaks)


def _span(run: RunRecord) -> tuple[float, float]:
    stages = _stages(run)
    known = [moment for moment in stages if moment is not None]
    start = min(known, default=0.0)
    return start, max(max(known, default=0.0), start + _SHORTEST_SECONDS)


def _stages(run: RunRecord) -> tuple[float | None, float | None, float | None, float | None]:
    """When the lock was requested and acquired, when the rows were measured, and when the run committed, in seconds."""
    committed = run.committed_at.timestamp() if run.committed_at else None
    if run.staging_token is None:
        started = run.started_at.timestamp() if run.started_at else None
        acquired = started + (run.lock_wait_ms or 0) / 1000 if started is not None else None
        return started, acquired, None, committed
    token = run.staging_token / 1000
    requested = token + (run.lock_requested_ms or 0) / 1000
    acquired = token + run.lock_acquired_ms / 1000 if run.lock_acquired_ms is not None else requested
    measured = run.measured_ms if run.measured_ms is not None else run.staged_ms
    return requested, acquired, token + (measured or 0) / 1000, committed


_MARKS = {
    Status.SUCCESS: "published", Status.PARTIAL: "published", Status.REPAIRED: "published", Status.FAILED: "failed",
    Status.SHRUNK: "refused",
}  # fmt: skip


def _lane(place: int, run: RunRecord, x: Callable[[float], float], names: Callable[[RunRecord], str]) -> Lane:
    requested, acquired, measured, committed = _stages(run)
    parts = []
    for kind, start, end in (
        ("waited", requested, acquired),
        ("worked", acquired, measured),
        ("publishing", measured or acquired, committed),
    ):
        if start is not None and end is not None and end > start:
            parts.append(Part(kind, x(start), max(1.0, round(x(end) - x(start), 1))))
    _, end = _span(run)
    status = run.status or "unknown"
    mark = _MARKS.get(Status(status), "nothing") if status in set(Status) else "nothing"
    waited = f", waited {(run.lock_wait_ms or 0) / 1000:.1f} s" if run.waited_for else ""
    refused = f", refused {run.refused} times" if run.refused else ""
    return Lane(
        place * LANE_HEIGHT, names(run), parts, x(end), mark, status, bool(run.refused),
        f"{names(run)}: {status}{waited}{refused}",
    )  # fmt: skip


def _pause(seconds: float) -> str:
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


def _y_ticks(low: float, high: float, text: Callable[[float], str]) -> list[Tick]:
    return [
        Tick(round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share, 1), text(low + (high - low) * share))
        for share in (0.0, 0.5, 1.0)
    ]


def _x_ticks(first: date, last: date) -> list[Tick]:
    days = max(1, (last - first).days)
    return [
        Tick(round(_LEFT + (WIDTH - _LEFT - _RIGHT) * share, 1), (first + (last - first) * share).isoformat())
        for share in ((0.0, 0.5, 1.0) if days > 1 else (0.0,))
    ]

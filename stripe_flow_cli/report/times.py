"""Days of Unix time → dates, and a timeline with few enough bars to tell apart. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from stripe_flow_cli.report.model import Bucket, Timeline

_EPOCH = date(1970, 1, 1)
# Bars that a person can tell apart on a telephone.
MOST_BARS = 60
# Stripe's first year, and as many years as there may be bars. Times outside come from a wrong clock.
_FIRST_DAY, _LAST_DAY = ((date(year, 1, 1) - _EPOCH).days for year in (2010, 2010 + MOST_BARS))


def date_of(day: int | None) -> date | None:
    """The date of a day of Unix time; None outside 2010 to 2069, as a clock of the journal's machines may be wrong."""
    return _EPOCH + timedelta(days=day) if day is not None and _FIRST_DAY <= day < _LAST_DAY else None


def format_time(unix: int | None) -> str:
    """`2026-10-01 12:00 UTC`; empty where there is no valid time."""
    if unix is None or date_of(unix // 86_400) is None:
        return ""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")


def build_timeline(counts: Mapping[tuple[int | None, str], int]) -> Timeline:
    """Counts by day and status → counts by the finest unit that needs at most `MOST_BARS`, with empty buckets."""
    dated: defaultdict[date, Counter[str]] = defaultdict(Counter)
    undated = 0
    for (day, status), count in counts.items():
        when = date_of(day)
        if when is None:
            undated += count
        else:
            dated[when][status] += count
    if not dated:
        return Timeline(unit="day", buckets=(), undated=undated)
    unit, starts = _choose_unit(min(dated), max(dated))
    sums: dict[date, Counter[str]] = {start: Counter() for start in starts}
    for when, of_day in dated.items():
        sums[_start(when, unit)].update(of_day)
    buckets = tuple(Bucket(label=_label(start, unit), counts=of_unit) for start, of_unit in sums.items())
    return Timeline(unit=unit, buckets=buckets, undated=undated)


def _choose_unit(first: date, last: date) -> tuple[str, list[date]]:
    for unit in ("day", "week", "month"):
        starts = _starts(first, last, unit)
        if len(starts) <= MOST_BARS:
            return unit, starts
    return "year", _starts(first, last, "year")


def _starts(first: date, last: date, unit: str) -> list[date]:
    """The first day of each unit; cut after `MOST_BARS` + 1, which shows that there are too many."""
    starts = [_start(first, unit)]
    while len(starts) <= MOST_BARS and (after := _next_start(starts[-1], unit)) <= last:
        starts.append(after)
    return starts


def _start(day: date, unit: str) -> date:
    match unit:
        case "day":
            return day
        case "week":  # Monday
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day.replace(month=1, day=1)


def _next_start(start: date, unit: str) -> date:
    return _start(start + timedelta(days={"day": 1, "week": 7, "month": 31, "year": 366}[unit]), unit)


def _label(start: date, unit: str) -> str:
    return start.strftime({"month": "%Y-%m", "year": "%Y"}.get(unit, "%Y-%m-%d"))

"""Days of Unix time → dates, and stretches of time that are few enough to be seen (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from stripe_flow_cli.report.model import Bucket, Timeline

_EPOCH = date(1970, 1, 1)
# Bars that are told apart on a telephone.
MOST_BARS = 60
# Stripe is younger, and this is not to be read after that; other times come of a clock that was wrong. As many years
# as there may be bars.
_FIRST_DAY, _LAST_DAY = ((date(year, 1, 1) - _EPOCH).days for year in (2010, 2010 + MOST_BARS))


def date_of(day: int | None) -> date | None:
    """None for a day that cannot be: a journal holds what its machines believed."""
    return _EPOCH + timedelta(days=day) if day is not None and _FIRST_DAY <= day < _LAST_DAY else None


def moment(unix: int | None) -> str:
    """`2026-10-01 12:00 UTC`; empty where there is none."""
    if unix is None or date_of(unix // 86_400) is None:
        return ""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")


def timeline(counts: Mapping[tuple[int | None, str], int]) -> Timeline:
    """`counts` by day and place → by the finest unit of which there are not too many; empty ones in between, too."""
    dated: dict[date, dict[str, int]] = {}
    undated = 0
    for (day, status), count in counts.items():
        when = date_of(day)
        if when is None:
            undated += count
        else:
            of_day = dated.setdefault(when, {})
            of_day[status] = of_day.get(status, 0) + count
    if not dated:
        return Timeline(unit="day", buckets=(), undated=undated)
    unit, starts = _stretches(min(dated), max(dated))
    summed: dict[date, dict[str, int]] = {start: {} for start in starts}
    for when, of_day in dated.items():
        of_stretch = summed[_start(when, unit)]
        for status, count in of_day.items():
            of_stretch[status] = of_stretch.get(status, 0) + count
    buckets = tuple(Bucket(label=_label(start, unit), counts=found) for start, found in summed.items())
    return Timeline(unit=unit, buckets=buckets, undated=undated)


def _stretches(first: date, last: date) -> tuple[str, list[date]]:
    for unit in ("day", "week", "month"):
        starts = _starts(first, last, unit)
        if len(starts) <= MOST_BARS:
            return unit, starts
    return "year", _starts(first, last, "year")


def _starts(first: date, last: date, unit: str) -> list[date]:
    """One more than there may be says that there are too many."""
    starts = [_start(first, unit)]
    while len(starts) <= MOST_BARS and (after := _next(starts[-1], unit)) <= last:
        starts.append(after)
    return starts


def _start(day: date, unit: str) -> date:
    match unit:
        case "day":
            return day
        case "week":  # from Monday on
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day.replace(month=1, day=1)


def _next(start: date, unit: str) -> date:
    return _start(start + timedelta(days={"day": 1, "week": 7, "month": 31, "year": 366}[unit]), unit)


def _label(start: date, unit: str) -> str:
    return start.strftime({"month": "%Y-%m", "year": "%Y"}.get(unit, "%Y-%m-%d"))

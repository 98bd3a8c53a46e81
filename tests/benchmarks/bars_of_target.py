"""The bars of the target and of its journal: ratios and counts, and the figures that were promised as such."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.bars import Bar, once
from tests.benchmarks.creates import Cost, costs, shares_of_the_limit
from tests.benchmarks.replays import Use, uses
from tests.benchmarks.reports import Made, reports
from tests.benchmarks.scale import Scale


def of_target(scale: Scale) -> list[Bar]:
    """The bars of the target and of the report, in their order."""
    return [*_of_creates(scale), *_of_replays(scale), *_of_reports(scale)]


def _of_creates(scale: Scale) -> list[Bar]:
    measured = once(lambda: costs(scale.rounds, scale.free_rows))

    def bar(name: str, says: str, figure: Callable[[Cost], float], **bound: float) -> Bar:
        return Bar(name=name, says=f"target: {says}", measure=lambda: [figure(each) for each in measured()], **bound)

    rate, commits = "creates per second, no latency, no throttle", "durable commits per record"
    return [
        Bar(
            name="target_pace_share",
            says="target: charges per second, of the limit of 20, at 300 ms, each customer checked at Stripe",
            # Three rounds, as under the cap: the throttle sets the time.
            measure=lambda: shares_of_the_limit(min(scale.rounds, 3), scale.rows),
            low=0.95,
        ),
        bar("creates_kept", f"{rate}, with the journal", lambda cost: cost.kept),
        bar("creates_forgotten", f"{rate}, without", lambda cost: cost.forgotten),
        bar("creates_ratio", f"{rate}, with in terms of without", lambda cost: cost.kept / cost.forgotten, low=0.4),
        bar("commits", f"{commits}, 16 at once", lambda cost: cost.commits, high=1),
        bar("commits_alone", f"{commits}, one at a time", lambda cost: cost.commits_alone, high=2),
    ]


def _of_replays(scale: Scale) -> list[Bar]:
    """Two bars depend on this machine's speed, in records per second and seconds; each has a ratio as well."""
    measured = once(lambda: uses(scale.rounds, scale))

    def bar(name: str, says: str, figure: Callable[[Use], float], **bound: float) -> Bar:
        return Bar(name=name, says=f"target: {says}", measure=lambda: [figure(each) for each in measured()], **bound)

    done, long = f"{scale.replayed:,} records that are done", f"a journal of {scale.journal_rows:,} rows"
    return [
        bar("replay_rate", f"records per second, {done}", lambda use: use.rate, low=5_000),
        bar("replay_ratio", "the same, in a plain loop's terms", lambda use: use.rate / use.plain_rate, low=0.15),
        bar("replay_growth", f"peak memory for {done}, in terms of a tenth", lambda use: use.growth, high=1.1),
        bar("start_s", f"seconds of a run without input on {long}", lambda use: use.start_s, high=2),
        bar("start_ratio", "the same, in an empty one's terms", lambda use: use.start_s / use.new_start_s, high=1.5),
    ]


def _of_reports(scale: Scale) -> list[Bar]:
    """Seconds depend on this machine; the promise is ten times the measured time."""
    measured = once(lambda: reports(min(scale.rounds, 3), scale))

    def bar(name: str, says: str, figure: Callable[[Made], float], **bound: float) -> Bar:
        return Bar(name=name, says=f"report: {says}", measure=lambda: [figure(each) for each in measured()], **bound)

    long = f"a journal of {scale.journal_rows:,} rows"
    return [
        bar("report_s", f"seconds over {long}", lambda made: made.seconds, high=50),
        bar("report_peak", "peak memory of it, in MiB", lambda made: made.peak_mib, high=300),
        bar("report_size", "size of the page, in MiB", lambda made: made.page_mib, high=5),
    ]

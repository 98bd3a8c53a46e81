"""Whether a run would end because of its source_name: what the journal knows, and the names of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stripe_flow_cli.doctor.findings import Finding, ok, stops, warns
from stripe_flow_cli.doctor.journal import read_account
from stripe_flow_cli.doctor.target import TargetUnderTest
from target_stripe_flow.execution.source_problems import describe_counts, is_new_name, quoted, shown
from target_stripe_flow.journal.migrations import Outdated
from target_stripe_flow.journal.sources import Source, read_sources
from target_stripe_flow.settings import read_source_names


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """The names of the settings, the actions that a run is known to bring, the journal's sources and their records.

    `counts` has the number of records under each source_name, by action. `older` are the names in a journal of an
    older release, which knows no more. `of_streams` is the setting source_names.
    """

    names: Sequence[str]
    actions: Sequence[str]
    sources: Sequence[Source]
    counts: Mapping[str, Mapping[str | None, int]]
    older: Sequence[str] = ()
    of_streams: Mapping[str, str] = field(default_factory=dict)


def read_source_facts(plugin_under_test: TargetUnderTest) -> SourceFacts:
    """Reads the journal only. Raises Misconfigured or JournalBroken."""
    configured, actions = read_source_names(plugin_under_test.config), plugin_under_test.options.streams
    names, of_streams = configured.every, configured.by_stream
    account, mode = read_account(plugin_under_test), plugin_under_test.mode.value
    try:
        if not plugin_under_test.location.is_there():
            return SourceFacts(names=names, actions=actions, sources=(), counts={})
        with plugin_under_test.location.open_read_only() as journal:
            sources = read_sources(journal, account, mode)
            counts = {
                action: journal.count_records(account, mode, action)
                for action in sorted({source.action for source in sources})
            }
    except Outdated:  # the next run migrates it, and binds every name that it has
        older = plugin_under_test.location.source_names()
        return SourceFacts(names=names, actions=actions, sources=(), counts={}, older=older)
    return SourceFacts(names=names, actions=actions, sources=sources, counts=counts, of_streams=of_streams)


def judge_sources(facts: SourceFacts) -> Iterator[Finding]:
    named = ", ".join(map(shown, facts.names))
    if facts.older and not set(facts.names) & set(facts.older):
        yield warns(
            f"the journal has records of the source_name {', '.join(map(shown, facts.older))}, and none of {named}: a "
            "run ends with exit code 1 before it orders what was ordered under another name"
        )
        return
    problems = [finding for action in facts.counts for finding in _judge_action(facts, action)]
    yield from problems
    if not problems:
        yield ok(f"the records are of the source_name {named}, a part of every record's identity")


def _judge_action(facts: SourceFacts, action: str) -> Iterator[Finding]:
    counts = facts.counts[action]
    known = {source.source_name: source for source in facts.sources if source.action == action}
    with_rows = [source for name, source in known.items() if counts.get(name)]
    new = [name for name in facts.names if is_new_name(name, known.get(name), with_rows)]
    if not new:
        return
    text = (
        f"the journal has no {action} of the source_name {', '.join(map(shown, new))}. It has "
        f"{describe_counts(counts)}. A run with {action} of a new name ends with exit code 1: set source_name to the "
        f"name that these records have, or run `stripe-flow journal source add {quoted(new[0])} --action {action}`, "
        "which orders every record again"
    )
    is_sure = action in facts.actions and (facts.of_streams.get(action) in new or len(new) == len(facts.names))
    yield stops(text, 1) if is_sure else warns(text)

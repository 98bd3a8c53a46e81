"""The sources of a run: each input stream is bound to the source_name and key names that the journal remembers."""

from __future__ import annotations

import logging
import shlex
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.execution.source_problems import (
    Incoming,
    describe_difference,
    describe_new_name,
    describe_odd_name,
    describe_other_number,
    is_new_name,
    is_odd,
    joined,
    shown,
)
from target_stripe_flow.journal.sources import Source, bind_source, read_sources
from target_stripe_flow.journal.store import Journal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SourceNames:
    """The settings source_name, and source_names by input stream."""

    default: str
    by_stream: Mapping[str, str] = field(default_factory=dict)

    def of(self, stream: str) -> str:
        """The source_name of an input stream."""
        return self.by_stream.get(stream, self.default)

    @property
    def every(self) -> list[str]:
        """All names of the configuration, each once; the default is the first."""
        return list(dict.fromkeys([self.default, *self.by_stream.values()]))


@dataclass(frozen=True, kw_only=True)
class BoundSource:
    """What the identities of one stream's records are made of: the scope, and the key names in their order."""

    scope: Scope
    key_names: tuple[str, ...]


class Sources:
    """Binds the streams of a run to their sources. Only the reader's thread may use it."""

    def __init__(self, journal: Journal, scope: Scope, names: SourceNames) -> None:
        """Reads what the journal remembers of the account and mode of `scope`.

        Raises Misconfigured for a new name with characters that nobody sees, and JournalBroken.
        """
        self._journal, self._scope, self._names = journal, scope, names
        self._run_id = uuid.uuid4().hex
        remembered = read_sources(journal, scope.account, scope.mode)
        self._before = {(source.action, source.source_name): source for source in remembered}
        self._with_rows: dict[str, set[str]] = {}
        self._bound: dict[tuple[str, str], BoundSource] = {}
        self._brought: set[tuple[str, str]] = set()
        self._read: dict[tuple[str, str], tuple[str, ...]] = {}
        for name in names.every:
            if is_odd(name) and name not in {source.source_name for source in remembered}:
                raise Misconfigured(describe_odd_name(name))

    def name_of(self, stream: str) -> str:
        """The source_name of an input stream; empty where none is configured."""
        return self._names.of(stream)

    def of(self, stream: str, action: str) -> BoundSource:
        """The source of a stream that was bound."""
        return self._bound[stream, action]

    def bind(self, stream: str, action: str, key_names: Sequence[str]) -> None:
        """Bind an input stream to the source of its action; `key_names` are its key properties after stream maps.

        Raises Misconfigured if its records could get other identities than they had, and JournalBroken. The journal
        is then unchanged.
        """
        if self._read.get((stream, action)) == tuple(key_names):
            return
        name = self._names.of(stream)
        if not name:
            raise Misconfigured("setting source_name is missing: it is part of each record's identity")
        incoming = Incoming(stream=stream, action=action, source_name=name, key_names=tuple(key_names))
        self._refuse_new_name(incoming)
        self._refuse_other_number_of_keys(incoming)
        self._warn_of_rebuilt(incoming)
        source = bind_source(self._journal, self._wanted(incoming))
        is_of_this_run = any(
            of_action == action and bound.scope.source_name == name and of_stream != stream
            for (of_stream, of_action), bound in self._bound.items()
        )
        if describe_difference(source, incoming, is_of_this_run=is_of_this_run):
            incoming = replace(incoming, scope_options=self._scope_options())
            raise Misconfigured(describe_difference(source, incoming, is_of_this_run=is_of_this_run))
        known = source.key_names or incoming.key_names
        if known != incoming.key_names:
            logger.warning(
                "the stream %s has the key_properties %s; its identities keep the order %s, which the journal knows",
                shown(stream),
                joined(incoming.key_names),
                joined(known),
            )
        self._bound[stream, action] = BoundSource(scope=replace(self._scope, source_name=name), key_names=tuple(known))
        self._brought.add((action, name))
        self._read[stream, action] = incoming.key_names

    def may_bring(self, source_name: str, action: str) -> bool:
        """Whether the input may bring records of this action under this name; safe to call from any thread.

        Not if earlier runs know the name and had none of that action, and this run has none so far.
        """
        is_known = source_name in {name for _, name in self._before}
        return not is_known or (action, source_name) in self._before or (action, source_name) in self._brought

    def _wanted(self, incoming: Incoming) -> Source:
        return Source(
            account=self._scope.account,
            mode=self._scope.mode,
            action=incoming.action,
            source_name=incoming.source_name,
            streams=(incoming.stream,),
            key_names=incoming.key_names,
            bound_by=self._run_id,
        )

    def _refuse_new_name(self, incoming: Incoming) -> None:
        """Raises Misconfigured for a name without records, if the action had records under other names before."""
        names = {name for of_action, name in self._before if of_action == incoming.action}
        if {*names, *self._names.every} <= {incoming.source_name}:
            return  # without a search through a large journal
        with_rows = [self._before[incoming.action, name] for name in self._names_with_rows(incoming.action)]
        own = self._before.get((incoming.action, incoming.source_name))
        if not is_new_name(incoming.source_name, own, with_rows):
            return
        counts = self._journal.count_records(self._scope.account, self._scope.mode, incoming.action)
        incoming = replace(incoming, scope_options=self._scope_options())
        raise Misconfigured(describe_new_name(incoming, counts, self._journal.name))

    def _refuse_other_number_of_keys(self, incoming: Incoming) -> None:
        """Raises Misconfigured where a journal of an older release has keys of more or fewer values than the input."""
        own = self._before.get((incoming.action, incoming.source_name))
        if own is None or own.key_names is not None:
            return
        scope = self._scope
        known = self._journal.find_source_key(scope.account, scope.mode, incoming.action, incoming.source_name)
        if known is not None and len(known) != len(incoming.key_names):
            raise Misconfigured(describe_other_number(incoming, len(known)))

    def _warn_of_rebuilt(self, incoming: Incoming) -> None:
        """Warn before a first run with a rebuilt journal: its rows do not say which source_name they had."""
        if (incoming.action, incoming.source_name) in self._before:
            return
        counts = self._journal.count_records(self._scope.account, self._scope.mode, incoming.action)
        if counts.get(None):
            logger.warning(
                "a rebuild has found %s of the %s in the journal, and no marker says under which source_name they were "
                "made: if it was not %s, stop this run, or the records are ordered again",
                f"{counts[None]:,}",
                incoming.action,
                shown(incoming.source_name),
            )

    def _names_with_rows(self, action: str) -> set[str]:
        """The names under which the journal had records of this action before the run sent any."""
        if action not in self._with_rows:
            self._with_rows[action] = {
                name
                for of_action, name in self._before
                if of_action == action
                and self._journal.knows(self._scope.account, self._scope.mode, action=action, source_name=name)
            }
        return self._with_rows[action]

    def _scope_options(self) -> Sequence[str]:
        if len(set(self._journal.accounts())) < 2:
            return ()
        return "--account", shlex.quote(self._scope.account), "--mode", self._scope.mode

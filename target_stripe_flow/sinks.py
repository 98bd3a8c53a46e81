"""The SDK's sinks. They check records and hand them to the dispatcher.

Private methods of singer-sdk 0.54 that are overridden here, each with a test: `_validate_and_parse` (it would convert
strings to dates and log whole records), `_singer_validate_message` (a missing key is a reject here, not an abort) and
`_after_process_record` (it logs the record).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, cast

from singer_sdk import Sink, Target
from singer_sdk.mapper import StreamMap

from stripe_flow.api.errors import AccountHidden, Misconfigured, PermissionMissing
from target_stripe_flow.actions.guards import Candidate
from target_stripe_flow.actions.stream_maps import StreamMaps
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.attempts.identity import Identity, source_key
from target_stripe_flow.execution.deferred import DeferredRecord, NotConsumed
from target_stripe_flow.execution.dispatcher import Tallied
from target_stripe_flow.execution.job import Job
from target_stripe_flow.execution.references import own_lane
from target_stripe_flow.execution.source_problems import shown
from target_stripe_flow.results.origin import Origin, Received
from target_stripe_flow.results.outcome import Missing, Outcome, Rejected, Status
from target_stripe_flow.results.text import shown_name
from target_stripe_flow.run import Run

Record = dict[str, Any]  # Any: JSON of the input


class StripeTarget(Protocol):
    """What a sink uses of the target."""

    run: Run


class FeedingSink(Sink):
    """Hands on each record at once. It makes no batches, because a signal could drop a batch."""

    current_size = 0

    def __init__(
        self, target: Target, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self.run = cast("StripeTarget", target).run

    def feed(self, record: Record, received: Received) -> None:
        """Handle a record after its stream map; `received` is the record as it was read."""
        raise NotImplementedError

    def reject(self, received: Received, reason: str, field: str = "") -> None:
        """Report a record as rejected, for this reason; `field` is the dotted path of what is wrong in it."""
        raise NotImplementedError

    def process_record(self, record: Record, context: Record) -> None:  # noqa: ARG002  # the SDK's signature
        raise AssertionError("the target calls `feed`, not `process_record`")

    def get_validator(self) -> None:
        return None

    def _validate_and_parse(self, record: Record) -> Record:
        return record

    def _singer_validate_message(self, record: Record) -> None:
        pass

    def _after_process_record(self, context: Record) -> None:
        pass

    def process_batch(self, context: Record) -> None:  # noqa: ARG002  # the SDK's signature
        raise AssertionError("a sink that is never full was drained")


class ActionSink(FeedingSink):
    """Checks the records of one stream and submits them as jobs of its action."""

    def __init__(
        self, target: Target, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._spec = ACTIONS[self.stream_name]
        self._checker = RecordChecker(self._spec)
        self.run.journal.keep_shape(self._checker.accepted, json.dumps(self._checker.shape))
        self._warned: set[str] = set()
        self._warned_of: set[tuple[str, str]] = set()
        if not self.key_properties:
            self.run.reader.refuse(
                f"is the SCHEMA of the stream {self.stream_name} without key_properties: without a key the target "
                "cannot send a record only once"
            )

    def refuse_near_names(self, origin: Origin, stream_map: StreamMap) -> None:
        """Raises Misconfigured if the SCHEMA, after the stream map, spells the name of a parameter differently."""
        maps = StreamMaps(
            maps=self.config.get("stream_maps") or {},
            stream=origin.stream,
            action=self._spec.name,
            members=origin.schema["properties"],
        )
        keys = stream_map.transformed_key_properties or ()
        if wrong := self._checker.describe_schema(stream_map.transformed_schema, keys, maps):
            raise Misconfigured(f"{wrong}. Nothing of the stream {shown(origin.stream)} was sent")

    def feed(self, record: Record, received: Received) -> None:
        """Check the record and submit it. A record that cannot be sent, or is done already, is reported at once."""
        run = self.run
        self._check_complete()

        def end(outcome: Outcome) -> None:
            run.tally.end(received, outcome)

        def perform(job: Job, *, is_last: bool) -> Tallied | None:
            digest, later = job.identity.digest, DeferredRecord(job, lambda is_last: perform(job, is_last=is_last))
            if not is_last and run.deferred.holds(digest):
                return run.deferred.add(later)
            with run.account_refusals.turn(self._spec.name):
                try:
                    outcome = run.executor.perform(job)
                except Missing as missing:
                    # The journal may lack the record with this key: then it is no fault of this record.
                    run.check_complete(self._spec.references.get(missing.field, ""))
                    if not is_last:
                        waiting = replace(job, has_waited=True)
                        return run.deferred.add(
                            DeferredRecord(waiting, lambda is_last: perform(waiting, is_last=is_last))
                        )
                    outcome = missing.outcome
                self._warn_of_left_out(job, outcome)
                held = run.account_refusals.finish(job, outcome, lambda: end(outcome))
            return NotConsumed() if outcome.status is Status.DEFERRED else held

        run.make_room()
        try:
            job = self._job(record, received)
            # If no job of this identity is in flight, the journal may already have its outcome.
            is_behind = not run.dispatcher.is_free(own_lane(job.identity))
            may_refuse = partial(self._may_refuse, job)
            known = None if is_behind else run.executor.known_outcome(job, may_refuse=may_refuse)
            if known is None:
                lanes = run.executor.lanes(job, is_behind=is_behind)
                run.dispatcher.submit(lambda: perform(job, is_last=False), lanes)
                return
        except Rejected as rejected:
            known = rejected.outcome
        end(known)

    def _may_refuse(self, job: Job) -> bool:
        """Whether no earlier record of the job's key, or of one that looks like it, is deferred or in flight."""
        is_deferred = self.run.deferred.holds(job.identity.digest)
        return not is_deferred and (job.twin is None or self.run.dispatcher.is_free(own_lane(job.twin)))

    def _check_complete(self) -> None:
        """See `Run.check_complete`. Where that ends the run, the records before it get their status first."""
        try:
            self.run.check_complete(self._spec.name)
        except Misconfigured:
            self.run.finish_read()
            raise

    def _warn_of_left_out(self, job: Job, outcome: Outcome) -> None:
        """Warn once of each parameter of the record that the request could not carry."""
        record, names = job.candidate.record if job.candidate else {}, dict[str, str]()
        if outcome.status is Status.CREATED:
            message = "stream %s: %s is left out of new objects: Stripe takes it in an update only"
            names = dict.fromkeys(self._checker.only_updated(record), message)
        elif outcome.status is Status.UPDATED:
            message = "stream %s: Stripe cannot empty %s: an update leaves it as it is where the record has null"
            names = dict.fromkeys(self._checker.not_emptied(record), message)
        elif outcome.left_out:
            message = "stream %s: %s changed, but no update takes it: the object at Stripe keeps the old value"
            names = dict.fromkeys(outcome.left_out, message)
        if outcome.status in {Status.CREATED, Status.UPDATED}:
            message = "stream %s: %s is left out of copies: it names an object of the account that they were read from"
            names |= dict.fromkeys(self._checker.of_another_account(record), message)
        for name, message in names.items():
            if (name, message) not in self._warned_of:
                self._warned_of.add((name, message))
                self.logger.warning(message, self.stream_name, shown_name(name))

    def reject(self, received: Received, reason: str, field: str = "") -> None:
        """Report a record as rejected; see FeedingSink."""
        self.run.tally.end(received, Rejected(reason, field).outcome)

    def _job(self, record: Record, received: Received) -> Job:
        source = self.run.sources.of(received.origin.stream, self._spec.name)
        identity = Identity(scope=source.scope, action=self._spec.name, source_key=source_key(record, source.key_names))
        parameters = self._checker.pick(record)
        for name in sorted(self._checker.dropped - self._warned - set(source.key_names)):
            self._warned.add(name)
            message = "stream %s: Stripe has no parameter %s here; it is not sent"
            self.logger.warning(message, self.stream_name, shown_name(name))
        unset = self._checker.unset(record) if self._spec.is_changeable else {}
        return Job(
            spec=self._spec,
            identity=identity,
            parameters=parameters,
            checker=self._checker,
            unset=unset,
            candidate=Candidate(
                record=record,
                picked=parameters,
                received=received,
                keys=source.key_names,
                maps=self.config.get("stream_maps") or {},
            ),
        )


class ConnectionCheckSink(FeedingSink):
    """Checks the connection for the stream that `meltano config test` sends; counts no records."""

    def __init__(
        self, target: Target, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._check()  # not in `setup`: the SDK would log an error of `setup` as a less precise line

    def _check(self) -> None:
        try:
            self.run.client.get("/v1/customers", {"limit": 1})
        except AccountHidden:
            raise
        except PermissionMissing:
            return  # Stripe accepts the key; a missing permission is reported when it is needed

    def feed(self, record: Record, received: Received) -> None:
        """Ignore the record."""

    def reject(self, received: Received, reason: str, field: str = "") -> None:
        """Ignore the record."""

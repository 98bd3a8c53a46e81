"""One run of the target: everything that its sinks and its workers share, made once and by one thread."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, cast

from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import open_client
from stripe_flow.singer.fields import Fields
from stripe_flow.singer.run_log import RunLog
from stripe_flow.singer.writer import write_whole
from target_stripe_flow.actions.policies import read_policies
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.execution.account import name_of, own_account
from target_stripe_flow.execution.account_refusals import ALIKE_REFUSALS, AccountRefusals
from target_stripe_flow.execution.deferred import DeferredRecords
from target_stripe_flow.execution.dispatcher import Dispatcher, State
from target_stripe_flow.execution.dry_run import DryRunJournal, DryRunSender, LoggedRejects
from target_stripe_flow.execution.executor import Executor
from target_stripe_flow.execution.references import References
from target_stripe_flow.execution.sender import Sender, Sends
from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.journal.opening import memory
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.message_reader import MessageReader
from target_stripe_flow.recovery.reconciler import Reconciler
from target_stripe_flow.results.rejects import Rejects
from target_stripe_flow.results.tally import RejectsSink, Tally
from target_stripe_flow.settings import refuse_live, rejects_path

logger = logging.getLogger(__name__)

Config = Mapping[str, Any]  # Any: settings that the schema has checked

UNSETTLED = 3


class Run:
    """Raises Misconfigured for settings that only code can check, AccountTrouble where Stripe refuses the key."""

    def __init__(self, config: Config, reader: MessageReader) -> None:
        client = open_client(config)
        refuse_live(client.connection, config)
        self._is_dry = bool(config["dry_run"])
        self._begun_s = time.monotonic()
        self.run_log = RunLog(logger, self.now)
        self.resources = ExitStack()  # the journal, until this is closed
        self.reader = reader
        self.client = client.scoped(config.get("account_id"))
        try:
            self._open(config, client.connection.key.mode)
        except BaseException:
            self.resources.close()
            raise

    def _open(self, config: Config, mode: Mode) -> None:
        refuse_lost_journal(location_of(config), mode)
        read = own_account(self.client, config)
        self.journal = self.resources.enter_context(self._journal(config))
        self.scope = Scope(
            account=name_of(config, read, partial(self._known_accounts, mode)),
            mode=mode.value,
            source_name=config["source_name"],
        )
        # After the journal is held: until then another run may still write to the rejects file.
        most = cast("int | None", 0 if config["on_reject"] == "fail" else config.get("max_rejects"))
        self.tally = Tally(self._rejects(config), most_rejects=most)
        names = References(self.journal, self.scope)
        self._sender: Sends = DryRunSender(self.journal) if self._is_dry else Sender(self.client, self.journal)
        policies = read_policies(config)
        self._reconciler = Reconciler(self.client, self.journal, self._sender)
        self.executor = Executor(
            self.client, self.journal, self._sender, names, policies, when_free=self._reconciler.when_free
        )
        # Where fewer rejects than that end the run, none of them is held back.
        is_patient = most is None or most >= ALIKE_REFUSALS
        self.closed = AccountRefusals({name: each.advice for name, each in policies.endpoints.items() if is_patient})
        self.deferred = DeferredRecords()
        self.dispatcher = Dispatcher(
            workers=config["concurrency"], emit=self._emit, wake=self.reader.wake, on_wait=self.reader.on_wake
        )

    def reconcile(self) -> None:
        """What earlier runs left open, before anything is read. Raises what ends a run."""
        if self._is_dry:
            return
        counts = self._reconciler.reconcile(self.scope.account, self.scope.mode, self.dispatcher)
        if counts:
            words = ", ".join(f"{count} {state.value}" for state, count in sorted(counts.items()))
            logger.info("settled what earlier runs left open: %s", words)

    def stripe_now_unix(self) -> float:
        """Stripe's time."""
        return self._reconciler.now_unix()

    def finish(self) -> None:
        """The input is over. Raises the fatal error of a worker, if there was one."""
        self.dispatcher.flush()
        self.resume_deferred()
        self.closed.release()

    def make_room(self) -> None:
        """Where too much waits for what may never come, decide now: memory stays flat, and STATE goes on."""
        if self.deferred.is_full or self.dispatcher.is_long:
            self.closed.release()
            self.resume_deferred()

    def resume_deferred(self) -> None:
        """Records that name what had not come when they did: round by round, and what still misses it is rejected."""
        before = 0
        while late := self.deferred.take():
            is_last = len(late) == before
            before = len(late)
            for each in late:
                self.dispatcher.submit(partial(each.resume, is_last=is_last), self.executor.lanes(each.job))
            self.dispatcher.flush()

    def stop(self) -> None:
        """Begin nothing more and resend nothing more; what is on its way to Stripe is finished."""
        self.dispatcher.stop()
        self.client.stopping.set()

    def close(self) -> None:
        """What is in flight is finished, and the sums are on the disk before they are said."""
        self.dispatcher.close()
        self.tally.sync()
        self.run_log.log_summary(self.tally.rows())
        logger.info("%s", self.tally.summary())

    def now(self) -> Fields:
        """Where the run is, until it is to end: a second signal may end it at any moment, and leaves no live line."""
        if self.client.stopping.is_set():
            return {}
        statuses, spent_s = self.tally.statuses(), time.monotonic() - self._begun_s
        records, requests = sum(statuses.values()), self.client.traffic.requests
        return {
            "waiting_for": self.client.traffic.waits_for,
            "records": records,
            "records_per_s": round(records / spent_s),
            **statuses,
            "in_flight": self.dispatcher.in_flight,
            "put_off": self.deferred.count or None,
            "lines_read": self.reader.line,
            "requests": requests,
            "requests_per_s": round(requests / spent_s),
        }

    def exit_code(self) -> int:
        """3 while anything of this account is not settled, in this run or an earlier one."""
        left = Counter(row.state.value for row in self.journal.open_attempts(self.scope.account, self.scope.mode))
        if not left:
            return 0
        words = ", ".join(f"{count} {state}" for state, count in sorted(left.items()))
        logger.warning("not settled yet: %s. `stripe-flow journal list` shows them; the next run looks again", words)
        return UNSETTLED

    def _known_accounts(self, mode: Mode) -> set[str]:
        return {account for account, of in self.journal.accounts() if of == mode.value}

    def _emit(self, value: State) -> None:
        if not self._is_dry:
            self.tally.sync()
            print_state(value)

    def _rejects(self, config: Config) -> RejectsSink:
        rejects = Rejects(rejects_path(config))
        if self._is_dry:
            rejects.check_writable()
            return LoggedRejects()
        rejects.open()
        return rejects

    @contextmanager
    def _journal(self, config: Config) -> Iterator[Journal]:
        location = location_of(config)
        if not self._is_dry:
            logger.info("the journal is %s", location)
            with location.open_journal() as journal:
                yield journal
            return
        logger.info("dry run: nothing is sent, nothing is written; the journal consulted is %s", location)
        location.check_writable()
        with memory() as (reader, writer), ExitStack() as stack:
            behind = stack.enter_context(location.open_read_only()) if location.is_there() else None
            yield DryRunJournal(str(location), reader, writer, behind)


def refuse_lost_journal(location: Location, mode: Mode) -> None:
    """Raises Misconfigured where a live journal should be and is not: without it money could move twice."""
    if mode is Mode.LIVE and not location.is_there():
        raise Misconfigured(
            f"there is no journal {location}, and a run with a live key needs one. For a new connection run "
            "`stripe-flow journal init`; if the journal was lost, run that and then `stripe-flow journal rebuild`"
        )


def print_state(value: State) -> None:
    write_whole(bytearray(json.dumps(value).encode() + b"\n"))

"""The target's connection."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from typing_extensions import override

from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.spelling import suggestion
from stripe_flow_cli.doctor.connection_under_test import PluginUnderTest
from stripe_flow_cli.errors import configured
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.policies import read_policies
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.target import TargetStripeFlow


class TargetUnderTest(PluginUnderTest[TargetStripeFlow]):
    @override
    def make_plugin(self) -> TargetStripeFlow:
        for name in self.given.streams:
            if name not in ACTIONS:
                raise Misconfigured(
                    f"--stream {name!r} is no action{suggestion(name, ACTIONS)}: there are {', '.join(ACTIONS)}"
                )
        return configured(TargetStripeFlow, self.given.config)

    @property
    def mode(self) -> Mode:
        return self.client.connection.key.mode

    @cached_property
    def location(self) -> Location:
        return location_of(self.config)

    @cached_property
    def ways(self) -> Mapping[str, Endpoint]:
        return read_policies(self.config).ways

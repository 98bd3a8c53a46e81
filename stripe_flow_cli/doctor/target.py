"""The target that the doctor checks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from typing_extensions import override

from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.spelling import suggestion
from stripe_flow_cli.doctor.connection_under_test import PluginUnderTest
from stripe_flow_cli.errors import load_plugin
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.policies import read_policies
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.settings import read_source_names
from target_stripe_flow.target import TargetStripeFlow


class TargetUnderTest(PluginUnderTest[TargetStripeFlow]):
    """The target, its journal, and the endpoint of each action."""

    @override
    def make_plugin(self) -> TargetStripeFlow:
        for name in self.options.streams:
            if name not in ACTIONS:
                raise Misconfigured(
                    f"--stream {name!r} is no action{suggestion(name, ACTIONS)}: choose from {', '.join(ACTIONS)}"
                )
        return load_plugin(TargetStripeFlow, self.options.config)

    @override
    def check_settings(self) -> None:
        read_source_names(self.config)

    @property
    def mode(self) -> Mode:
        return self.client.connection.key.mode

    @cached_property
    def location(self) -> Location:
        return location_of(self.config)

    @cached_property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Each action's endpoint by these settings."""
        return read_policies(self.config).endpoints

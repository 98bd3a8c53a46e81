from __future__ import annotations

import pytest

from stripe_flow.api.clock import StripeClock, parse_date


def test_the_clock_is_stripes_date_plus_the_time_since() -> None:
    clock = StripeClock()

    clock.observe(1_000, 50)

    assert clock.now_unix(57.5) == 1_007.5


def test_there_is_no_time_before_the_first_answer() -> None:
    assert StripeClock().now_unix(1) is None


def test_answers_that_agree_do_not_move_the_clock() -> None:
    clock = StripeClock()
    clock.observe(1_000, 0)

    clock.observe(1_009, 10)  # `Date` is rounded down to seconds and arrives late

    assert clock.now_unix(10) == 1_010


@pytest.mark.parametrize("jump_s", [61, -61, 90_000])
def test_the_clock_is_set_again_after_the_machine_slept(jump_s: int) -> None:
    clock = StripeClock()
    clock.observe(1_000, 0)

    clock.observe(1_000 + jump_s, 0)

    assert clock.now_unix(5) == 1_005 + jump_s


@pytest.mark.parametrize("header", [None, "", "yesterday", "Tue, 99 Nov 2026 00:00:00 GMT"])
def test_a_header_that_is_not_a_date_gives_none(header: str | None) -> None:
    assert parse_date(header) is None


def test_a_date_is_read_as_unix_seconds() -> None:
    assert parse_date("Tue, 24 Nov 2026 00:00:00 GMT") == 1_795_478_400

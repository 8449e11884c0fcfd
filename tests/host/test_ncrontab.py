"""NCRONTAB as timer triggers read it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.ncrontab import parse

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 */5 * * * *", "2026-11-23T12:05:00"),
        ("*/5 * * * *", "2026-11-23T12:05:00"),
        ("* * * * * *", "2026-11-23T12:00:01"),
        ("30 * * * * *", "2026-11-23T12:00:30"),
        ("0 0 12 * * *", "2026-11-24T12:00:00"),
        ("0 0 3 * * *", "2026-11-24T03:00:00"),
        ("0 30 9-17/4 * * MON-FRI", "2026-11-23T13:30:00"),
        ("0 0 0 1 JAN *", "2027-01-01T00:00:00"),
        ("0 0 0 1 january *", "2027-01-01T00:00:00"),
        ("0 5/20 * * * *", "2026-11-23T12:05:00"),
        ("0 50/20 11,12 * * *", "2026-11-23T12:50:00"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("0 0 0 * * SUN", "2026-11-29T00:00:00"),
        # Unlike cron, month day and weekday must both match: the next Friday the 13th.
        ("0 0 0 13 * 5", "2027-08-13T00:00:00"),
    ],
)
def test_the_next_occurrence(expression: str, expected: str) -> None:
    """Each expression's next instant after Monday noon."""
    found = parse(expression).after(START)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * *",
        "00:05:00",
        "60 * * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 * * 7",
        "0 */0 * * * *",
        "x * * * * *",
        "0 5-1 * * * *",
        "0 0 0 1 foo *",
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    """A bad expression is an error that quotes it, never a schedule that means something else."""
    with pytest.raises(ValueError, match="was not recognized"):
        parse(expression)


def test_a_day_that_never_comes_has_no_occurrence() -> None:
    """30 February ends the search instead of running for ever."""
    assert parse("0 0 0 30 2 *").after(START) is None


@given(
    st.sampled_from(["0 */7 * * * *", "15,45 1-59/3 */2 * * *", "0 0 6 1,15 * *", "0 0 0 * 2 MON"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - hypothesis wants them naive
)
def test_occurrences_are_later_and_nothing_lies_between(expression: str, naive: datetime) -> None:
    """`after` is strictly later, is an occurrence itself, and is found again from any instant before it."""
    schedule, start = parse(expression), naive.replace(tzinfo=UTC)
    found = schedule.after(start)
    assert found is not None
    assert found > start
    assert schedule.contains(found)
    middle = start + (found - start) / 2
    assert schedule.after(min(middle, found - timedelta(seconds=1))) == found

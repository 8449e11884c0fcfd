"""One joiner from the event to the empty vault."""

from datetime import UTC, datetime, timedelta

import pytest

from local.directory.tenant import person_id, upn
from shared.domain.requests import State
from shared.flows.page_answers import Gone, Receipt, Shown
from tests.flows.invariants import at_rest
from tests.memory.day import Day


async def test_a_joiner_gets_in_once_and_nothing_is_left(day: Day, caplog: pytest.LogCaptureFixture) -> None:
    """Hired for tomorrow 09:00 in Oslo: a pass half an hour before, revealed to the manager alone, spent, gone."""
    caplog.set_level("DEBUG")
    request = day.hired("ada", employeeId="10042", startsAt="2026-11-24T09:00", timeZone="Europe/Oslo")
    await day.pump()
    assert day.request(request).state is State.ACCEPTED
    assert not day.tenant.minted

    await day.until(datetime(2026, 11, 24, 7, 29, tzinfo=UTC))
    assert not day.tenant.minted, "nothing is minted before the lead time"
    await day.until(datetime(2026, 11, 24, 7, 31, tzinfo=UTC))
    ready = day.request(request)
    assert ready.state is State.READY
    assert [item.name for item in day.models.vault.list().items] == [ready.claim.secret_name if ready.claim else ""]
    assert [mail.to for mail in day.tenant.outbox] == [(upn("dana"),)]

    assert isinstance(await day.reveal("mona", request), Gone), "the manager's manager is a foreigner"
    shown = await day.reveal("dana", request)
    assert isinstance(shown, Shown)
    assert isinstance(await day.reveal("dana", request), Receipt)
    assert not day.tenant.sign_in(upn("ada"), shown.passcode.reveal()).accepted, "it starts at nine"

    await day.until(datetime(2026, 11, 24, 8, 2, tzinfo=UTC))
    assert day.request(request).state is State.REVEALED
    assert day.tenant.sign_in(upn("ada"), shown.passcode.reveal()).accepted
    assert not day.tenant.sign_in(upn("ada"), shown.passcode.reveal()).accepted

    day.hired("ada", employeeId="10042", startsAt="2026-11-24T09:00", timeZone="Europe/Oslo")
    await day.to_rest()
    assert len(day.tenant.minted) == 1, "a duplicate changes nothing"
    assert day.request(request).state is State.CLOSED
    assert [(o.outcome_class, o.shown_to) for o in day.ports.bus.published] == [
        ("handed_over", "manager"),
        ("done", ""),
    ]
    assert day.failures == []
    assert day.tenant.list_passes(person_id("ada")) == ()
    at_rest(day, caplog.text)


async def test_a_used_pass_stays_for_fifteen_minutes(day: Day) -> None:
    """A used pass is removed, and not before 15 minutes after its use was seen."""
    request = day.hired("ada", startsAt="2026-11-23T08:00")
    await day.pump()
    shown = await day.reveal("dana", request)
    assert isinstance(shown, Shown)
    await day.pump()
    day.tenant.sign_in(upn("ada"), shown.passcode.reveal())
    used_at = day.clock()
    while day.tenant.passes.all():
        await day.pass_time(timedelta(minutes=1))
    assert timedelta(minutes=15) <= day.clock() - used_at < timedelta(minutes=60)
    await day.to_rest()
    at_rest(day)

"""Each sweep says that it ended, and how: silence is what the alert on a missing clean-up hears."""

import pytest

from shared.domain.fates import TryLater
from shared.flows.clean_up import clean_up
from shared.flows.re_drive import OVERDUE, re_drive
from tests.memory.day import Day


def told(caplog: pytest.LogCaptureFixture, event: str) -> list[str]:
    """Return what follows an event's name and id in its lines."""
    return [m.partition("request_id=- ")[2].strip() for m in caplog.messages if m.startswith(f"{event} ")]


async def test_a_clean_up_counts_what_it_swept_and_what_failed(day: Day, caplog: pytest.LogCaptureFixture) -> None:
    """One that finds nothing says so too; one that cannot read the index says nothing, for it did not end."""
    caplog.set_level("INFO", logger="passdesk")
    await clean_up(day.issuer)
    request = day.hired("ada")
    await day.pump()
    await day.reveal("dana", request)
    await day.pump()
    day.clock.advance(3 * OVERDUE * 20)
    day.checkpoint.break_on("directory.passes.before", TryLater("graph.passes"))
    await clean_up(day.issuer)
    await clean_up(day.issuer)
    day.checkpoint.break_on("ledger.due.before", TryLater("ledger.due"))
    with pytest.raises(TryLater):
        await clean_up(day.issuer)
    assert told(caplog, "clean.swept") == ["swept=0 failed=0", "swept=0 failed=1", "swept=1 failed=0"]


async def test_a_re_drive_counts_what_it_woke_and_what_failed(day: Day, caplog: pytest.LogCaptureFixture) -> None:
    """What is overdue is a figure, and so is what could not be woken."""
    caplog.set_level("INFO", logger="passdesk")
    day.hired("ada", startsAt="2026-11-24T09:00")
    await day.pump()
    await re_drive(day.issuer)
    day.clock.move_to(day.ledger.all_due()[0].at + 2 * OVERDUE)
    day.checkpoint.break_on("bus.wake.before", TryLater("bus.requests"))
    await re_drive(day.issuer)
    day.clock.advance(2 * OVERDUE)
    await re_drive(day.issuer)
    assert told(caplog, "redrive.swept") == ["woken=0 failed=0", "woken=0 failed=1", "woken=1 failed=0"]

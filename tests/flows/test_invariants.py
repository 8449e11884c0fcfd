"""The invariants themselves: each turns red when what it guards against is planted."""

from collections.abc import Callable

import pytest

from local.bus.message import Message
from local.directory.tenant import MAILBOX, upn
from local.vault.records import Attributes
from shared.domain.requests import State
from tests.flows import invariants
from tests.memory.day import Day


def in_a_row(day: Day, passcode: str) -> None:
    """Leak into the ledger, if only for a moment."""
    day.models.tables.insert("handovers", {"PartitionKey": "p", "RowKey": "r", "checked_by": passcode})
    day.models.tables.delete("handovers", "p", "r")


def in_a_message(day: Day, passcode: str) -> None:
    """Leak onto the bus."""
    day.bus.send("quarantine", Message(body=f"x{passcode}y".encode()))


def in_a_mail(day: Day, passcode: str) -> None:
    """Leak into a notice."""
    day.tenant.send_mail(MAILBOX, [upn("dana")], "hello", passcode)


def in_a_tag(day: Day, passcode: str) -> None:
    """Leak beside the secret."""
    day.models.vault.set("other", "x", tags={"note": passcode}, attributes=Attributes())


def in_a_failure(day: Day, passcode: str) -> None:
    """Leak in an exception's text."""
    day.failures.append(ValueError(passcode))


@pytest.mark.parametrize("leak", [in_a_row, in_a_message, in_a_mail, in_a_tag, in_a_failure])
async def test_a_planted_leak_is_seen(leak: Callable[[Day, str], None]) -> None:
    """Promise 3: the search is able to find, in each channel."""
    day = Day()
    day.hired("ada")
    await day.pump()
    invariants.promise_3_nothing_leaked(day)
    leak(day, day.tenant.minted[0].passcode)
    with pytest.raises(AssertionError):
        invariants.promise_3_nothing_leaked(day)


async def test_a_leak_into_the_log_is_seen() -> None:
    """Promise 3: so is one in the log."""
    day = Day()
    day.hired("ada")
    await day.pump()
    with pytest.raises(AssertionError):
        invariants.promise_3_nothing_leaked(day, f"made {day.tenant.minted[0].passcode}")


async def test_a_forgotten_due_row_a_second_pass_and_a_leftover_are_seen() -> None:
    """Promises 1, 2, 8 and 9: each check is able to fail."""
    day = Day()
    request = day.hired("ada")
    await day.pump()
    for check in (invariants.promise_2_at_rest, invariants.promise_8_clean_means_gone):
        with pytest.raises(AssertionError):
            check(day)
    await day.ledger.remove_due(request)
    with pytest.raises(AssertionError):
        invariants.promise_2_nothing_lost(day)
    person = day.request(request).person_id or ""
    for _ in range(2):
        await day.ports.directory.create_pass(
            person, lifetime=day.issuer.terms.lead * 2, one_time=True, starts_at=None, call_id="same"
        )
    with pytest.raises(AssertionError):
        invariants.promise_1_one_live_pass(day)
    with pytest.raises(AssertionError):
        invariants.promise_9_unknown_is_said(day)
    day.shown += [(request, "a"), (request, "b")]
    with pytest.raises(AssertionError):
        invariants.shown_once(day)
    assert day.request(request).state is State.READY

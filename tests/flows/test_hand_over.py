"""Who is shown the passcode, how often, and what the issuer learns of it."""

from datetime import timedelta

import pytest

from local.bus.message import Message
from local.directory.tenant import person_id, upn
from shared.domain.fates import Conflict, GiveUp, Refused, TryLater
from shared.domain.handovers import Handover
from shared.domain.messages import Ask, WakeUp
from shared.domain.passcode import IdToken
from shared.domain.reasons import Reason
from shared.domain.requests import State
from shared.flows.deliver import deliver
from shared.flows.hand_over import Check, look, reveal, waiting, who
from shared.flows.page_answers import AskAgain, Gone, Lapsed, Receipt, Shown
from shared.flows.ports import DueKind
from tests.flows.invariants import at_rest
from tests.memory.day import Day
from tests.memory.interleave import interleave


async def ready(day: Day) -> str:
    """Bring a request of Ada's to `ready`."""
    request = day.hired("ada")
    await day.pump()
    assert day.request(request).state is State.READY
    return request


async def test_the_page_lists_only_what_waits_for_the_caller(day: Day) -> None:
    """The recipient sees who waits; everybody else sees nothing, and looking spends nothing."""
    request = await ready(day)
    dana, _ = day.ports.callers.sign_in(person_id("dana"), day.clock())
    mona, _ = day.ports.callers.sign_in(person_id("mona"), day.clock())
    assert [h.request_id for h in await waiting(dana, day.courier)] == [request]
    assert await waiting(mona, day.courier) == ()
    assert isinstance(await look(dana, request, day.courier), Handover)
    assert isinstance(await look(mona, request, day.courier), Gone)
    assert day.ports.courier_vault.reads == []
    await day.pass_time(timedelta(hours=2))
    assert await waiting(dana, day.courier) == ()
    assert isinstance(await look(dana, request, day.courier), Lapsed)
    await day.pass_time(timedelta(hours=3))
    assert isinstance(await look(dana, request, day.courier), Gone)


async def test_who_asks_for_a_fresh_sign_in(day: Day) -> None:
    """Without a token nobody is signed in; with an old one nobody is fresh."""
    assert await who(None, day.courier) is None
    caller, token = day.ports.callers.sign_in(person_id("dana"), day.clock())
    assert await who(token, day.courier) == caller
    day.clock.advance(timedelta(minutes=16))
    with pytest.raises(Refused):
        await who(token, day.courier)


@pytest.mark.parametrize("name", ["mona", "ada", "root"])
async def test_a_foreigner_is_shown_nothing(day: Day, name: str) -> None:
    """Promise 10: whoever is not the recipient sees the same page as for nothing at all."""
    request = await ready(day)
    assert await day.reveal(name, request) == Gone()
    assert isinstance(await day.reveal("dana", request), Shown)


async def test_without_a_check_nothing_is_claimed(day: Day) -> None:
    """How the person was checked is required: without it the hand-over waits as before."""
    request = await ready(day)
    assert isinstance(await day.reveal("dana", request, check=None), Handover)
    assert day.ports.courier_vault.reads == []
    assert isinstance(await day.reveal("dana", request), Shown)


@pytest.mark.parametrize("seed", range(12))
async def test_two_tabs_are_one_reveal(seed: int) -> None:
    """Promise 1 and 10: of two tabs at once one is shown the passcode; the other never is."""
    day = Day()
    request = await ready(day)
    answers = await interleave(seed, [day.reveal("dana", request), day.reveal("dana", request)])
    kinds = sorted(type(answer).__name__ for answer in answers)
    assert kinds in (["Receipt", "Shown"], ["AskAgain", "Shown"])
    assert isinstance(await day.reveal("dana", request), Receipt)
    assert len(day.ports.courier_vault.reads) == 1
    assert day.models.vault.list().items == (), "the secret leaves with the page, not with a sweep"


@pytest.mark.parametrize(
    "failure", [TryLater("vault.read"), GiveUp("vault.read", Reason.DIRECTORY_REFUSED)], ids=["later", "refused"]
)
async def test_a_vault_that_pauses_costs_nothing(day: Day, failure: Exception) -> None:
    """When nothing could be read the claim is given back, and the next try is shown the passcode."""
    request = await ready(day)
    day.checkpoint.break_on("courier_vault.read.before", failure)
    assert await day.reveal("dana", request) == AskAgain()
    assert isinstance(await day.reveal("dana", request), Shown)


async def test_a_claim_that_cannot_be_given_back_stays_one(day: Day) -> None:
    """A claim whose return fails is lost, never shown twice; the request ends all the same."""
    request = await ready(day)
    day.checkpoint.break_on("courier_vault.read.before", TryLater("vault.read"))
    day.checkpoint.break_on("handovers.put.before", None, TryLater("handovers.put"))
    assert await day.reveal("dana", request) == AskAgain()
    assert isinstance(await day.reveal("dana", request), Receipt)
    await day.to_rest()
    at_rest(day)


async def test_a_lost_ask_is_learnt_by_the_clean_up(day: Day) -> None:
    """The issuer reads the courier's own row, so that an ask is never needed."""
    request = await ready(day)
    await day.pass_time(timedelta(minutes=10))
    assert [due.kind for due in day.ledger.all_due()] == [DueKind.CLEAN], "nothing but the sweep will look again"
    day.checkpoint.break_on("bus.ask.before", TryLater("bus.asks"))
    day.checkpoint.break_on("courier_vault.delete.before", TryLater("vault.delete"))
    assert isinstance(await day.reveal("dana", request), Shown)
    await day.to_rest()
    assert day.request(request).state is State.CLOSED
    assert day.request(request).revealed_at is not None
    at_rest(day)


async def test_a_secret_that_vanished_shows_nothing(day: Day) -> None:
    """When the vault has nothing the page has nothing."""
    request = await ready(day)
    day.models.vault.delete(day.request(request).secrets[-1])
    assert await day.reveal("dana", request) == Gone()


async def test_what_the_ledger_does_not_call_ready_is_gone(day: Day) -> None:
    """The courier's own row is not enough: the ledger is the truth."""
    request = await ready(day)
    await day.ledger.replace(day.request(request).to(State.REVOKED, day.clock()))
    assert await day.reveal("dana", request) == Gone()
    day.checkpoint.watchers.clear()
    assert await day.reveal("dana", request) == Gone()


async def test_an_ask_needs_a_token_of_the_recipient(day: Day) -> None:
    """Forged, foreign, unknown and malformed asks are told to security and change nothing."""
    request = await ready(day)
    _, foreign = day.ports.callers.sign_in(person_id("mona"), day.clock())
    _, right = day.ports.callers.sign_in(person_id("dana"), day.clock())
    bodies = [
        Ask(request, "revealed", IdToken("forged")).to_json(),
        Ask(request, "revealed", foreign).to_json(),
        Ask(request, "approve", right).to_json(),
        Ask(request, "fly", right).to_json(),
        Ask("0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21", "revealed", right).to_json(),
        "{}",
    ]
    for body in bodies:
        day.bus.send("asks", Message(body=body.encode()))
    await day.pump()
    whys = sorted(findings[0] for subject, _, findings in day.ports.bus.warned if subject == "ask.refused")
    assert whys == [
        "malformed", "not_an_approver", "not_the_recipient", "not_the_recipient", "signature", "unknown_verb"
    ]  # fmt: skip
    assert day.request(request).state is State.READY
    day.bus.send("asks", Message(body=Ask(request, "revealed", right).to_json().encode()))
    await day.pump()
    assert day.request(request).state is State.READY, "the recipient's word is not enough: the row says so"


async def test_an_ask_that_meets_another_writer_is_left_to_the_clean_up(day: Day) -> None:
    """A conflict on an ask loses nothing."""
    request = await ready(day)
    await day.reveal("dana", request)
    day.models.tables.rival("requests")
    await day.pump()
    assert day.request(request).state is State.READY
    await day.to_rest()
    assert day.request(request).state is State.CLOSED
    at_rest(day)


async def test_a_notice_that_fails_is_sent_by_and_by(day: Day) -> None:
    """Promise 2: the issuer asks again until the recipient was told, once."""
    day.checkpoint.break_on("notices.ready.before", TryLater("mail"), GiveUp("mail", Reason.NO_NOTICE_ROUTE))
    await ready(day)
    assert len(day.tenant.outbox) == 0
    await day.pass_time(timedelta(minutes=15))
    assert [mail.to for mail in day.tenant.outbox] == [(upn("dana"),)]


async def test_a_lost_delivery_is_sent_again(day: Day) -> None:
    """Promise 2: a delivery that disappears from the bus is replaced from the due index."""
    day.checkpoint.break_on("bus.deliver.before", TryLater("bus.deliveries"))
    await ready(day)
    assert len(day.tenant.outbox) == 0
    await day.pass_time(timedelta(minutes=10))
    assert len(day.tenant.outbox) == 1


async def test_delivering_twice_at_once_lists_once(day: Day) -> None:
    """Two couriers on one delivery end with one row, told."""
    request = await ready(day)
    for row in day.models.tables.snapshot()["handovers"]:
        day.models.tables.delete("handovers", str(row["PartitionKey"]), str(row["RowKey"]))
    message = WakeUp(request, day.request(request).attempt)
    await interleave(3, [deliver(message, day.courier), deliver(message, day.courier)])
    (row,) = day.models.tables.snapshot()["handovers"]
    assert row["notified_at"]


async def test_a_stale_delivery_says_nothing(day: Day) -> None:
    """A delivery of an earlier attempt, or of no request, is over."""
    request = await ready(day)
    await deliver(WakeUp(request, 1), day.courier)
    await deliver(WakeUp("0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21", 1), day.courier)
    assert len(day.tenant.outbox) == 1
    for row in day.models.tables.snapshot()["handovers"]:
        day.models.tables.delete("handovers", str(row["PartitionKey"]), str(row["RowKey"]))
    await deliver(WakeUp(request, 1), day.courier)
    assert day.models.tables.snapshot()["handovers"] == []


async def test_a_delivery_that_cannot_be_worked_on_fails_the_request(day: Day) -> None:
    """Promise 2: ten tries, then the dead letter removes the pass and the request says why."""
    day.checkpoint.break_on("handovers.get.before", *[GiveUp("handovers", Reason.DIRECTORY_REFUSED)] * 10)
    request = day.hired("ada")
    await day.pump()
    assert day.request(request).state is State.FAILED
    assert {str(f) for f in day.request(request).reasons} == {"dead_lettered:deliveries"}
    await day.to_rest()
    at_rest(day)


async def test_a_dead_delivery_of_a_told_recipient_changes_nothing(day: Day) -> None:
    """A dead letter that comes after the notice is only noted."""
    request = await ready(day)
    day.bus.send("deliveries", Message(body=WakeUp(request, day.request(request).attempt).to_json().encode()))
    message = day.bus.receive("deliveries")
    assert message is not None
    assert message.lock_token is not None
    day.bus.dead_letter("deliveries", message.lock_token)
    await day.pump()
    assert day.request(request).state is State.READY


async def test_a_conflict_at_the_claim_asks_again(day: Day) -> None:
    """When another write to the hand-over came first, nothing was shown and the recipient tries once more."""
    request = await ready(day)
    day.checkpoint.break_on("handovers.put.before", Conflict("handovers"))
    assert await day.reveal("dana", request) == AskAgain()
    caller, token = day.ports.callers.sign_in(person_id("dana"), day.clock())
    assert isinstance(await reveal(caller, token, request, Check.VIDEO, day.courier), Shown)

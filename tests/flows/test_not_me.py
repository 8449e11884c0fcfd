"""The alarm: who says "not me", a foreign account after the reveal, and everybody who must not set it off."""

from datetime import timedelta

import pytest

from local.directory.tenant import person_id, upn
from shared.domain.fates import GiveUp, TryLater, Unknown
from shared.domain.messages import FOREIGN, GUESSING, NOT_ME, REVEALED, WakeUp
from shared.domain.reasons import Reason
from shared.domain.requests import State
from shared.flows import guesses
from shared.flows.advance import advance
from shared.flows.not_me import concern
from shared.flows.page_answers import AskAgain, BeingMade, Concern, Disowned, Gone, Lapsed, Receipt, Shown
from tests.flows.invariants import at_rest, ends
from tests.flows.test_fresh import MINUTES, ready, shown
from tests.flows.tickets import desk_day
from tests.memory.checkpoints import Crash
from tests.memory.day import Day
from tests.memory.interleave import interleave

NOBODYS = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"


@pytest.mark.parametrize(
    ("name", "reason"), [("dana", Reason.NOT_ME_RECIPIENT), ("ada", Reason.NOT_ME_PERSON)], ids=["recipient", "person"]
)
@pytest.mark.parametrize("before", ["ready", "revealed", "lapsed"])
async def test_who_says_not_me_revokes(day: Day, name: str, reason: Reason, before: str) -> None:
    """Promise 10: recipient and person end it, before and after the reveal: pass and secret are gone, security told."""
    request = await (shown(day) if before == "revealed" else ready(day))
    if before == "lapsed":
        await day.pass_time(timedelta(minutes=70))
    assert day.request(request).state == before
    assert isinstance(await day.not_me(name, request), Disowned)
    assert day.models.vault.list().items == (), "the courier does not wait for the issuer"
    await day.pass_time(MINUTES)
    assert day.request(request).state is State.REVOKED
    assert day.tenant.passes.all() == ()
    assert ("request.revoked", request, (str(reason),)) in day.ports.bus.warned
    assert isinstance(await day.reveal("dana", request), Receipt if before == "revealed" else Gone)
    await ends(day, request, State.REVOKED)
    (end,) = [o for o in day.ports.bus.published if not o.shown_to]
    assert (end.state, end.outcome_class) == ("revoked", "failed")


@pytest.mark.parametrize("name", ["mona", "root", "approver"])
async def test_nobody_else_says_not_me(day: Day, name: str) -> None:
    """Promise 10: nobody else can end a pass that way, on the page or past it."""
    request = await shown(day)
    assert await day.not_me(name, request) == Gone()
    await day.forges(name, request, NOT_ME)
    assert day.request(request).state is State.REVEALED
    assert ("ask.refused", request, ("not_theirs",)) in day.ports.bus.warned
    await ends(day, request, State.CLOSED)


async def test_what_each_is_told_of_the_pass(day: Day) -> None:
    """The person sees who was to hand it over; the recipient, whose it is; both, when; everybody else nothing."""
    request = await shown(day)
    answers = {}
    for name in ("ada", "dana", "mona"):
        caller, _ = day.ports.callers.sign_in(person_id(name), day.clock())
        answers[name] = await concern(caller, request, day.courier)
    person, recipient = answers["ada"], answers["dana"]
    assert isinstance(person, Concern)
    assert isinstance(recipient, Concern)
    assert (person.about_me, person.recipient_name) == (True, "Dana Berg")
    assert (recipient.about_me, recipient.recipient_name, recipient.person_name) == (False, "", "Ada Lund")
    assert person.revealed_at == day.request(request).revealed_at
    assert person.revealed_at is not None
    assert person.made_at <= person.revealed_at
    assert answers["mona"] == Gone()
    assert day.request(request).state is State.REVEALED, "looking changes nothing"


async def test_before_a_pass_there_is_nothing_to_disown(day: Day) -> None:
    """A ticket that waits for a second person, or a joiner for the first day, is not ended this way."""
    request = day.hired("ada", startsAt="2026-12-01T09:00")
    await day.pump()
    assert await day.not_me("ada", request) == Gone()
    await day.forges("ada", request, NOT_ME)
    assert day.request(request).state is State.ACCEPTED


async def test_a_not_me_after_the_end_is_told_to_security(day: Day) -> None:
    """Too late to revoke: the page passes it on all the same, and security hears it."""
    request = await shown(day)
    await ends(day, request, State.CLOSED)
    assert isinstance(await day.not_me("ada", request), Disowned)
    await day.pump()
    assert day.request(request).state is State.CLOSED
    assert ("not_me.after_the_end", request, ("not_me_person",)) in day.ports.bus.warned


async def test_a_not_me_twice_is_one_revocation(day: Day) -> None:
    """The same word again, also as a message that comes twice, changes and alarms nothing more."""
    request = await shown(day)
    day.twice = True
    await day.not_me("ada", request)
    await day.not_me("ada", request)
    await day.pass_time(MINUTES)
    assert day.request(request).state is State.REVOKED
    assert "not_me.after_the_end" not in {subject for subject, _, _ in day.ports.bus.warned}
    await ends(day, request, State.REVOKED)


async def test_a_not_me_that_cannot_be_sent_is_asked_again(day: Day) -> None:
    """Nothing was passed on: the page says so; the secret is gone already, so nobody is shown it meanwhile."""
    request = await ready(day)
    day.checkpoint.break_on("bus.ask.before", GiveUp("bus", Reason.DIRECTORY_REFUSED))
    assert await day.not_me("ada", request) == AskAgain()
    assert await day.reveal("dana", request) == Gone()
    day.checkpoint.break_on("courier_vault.delete.before", TryLater("vault"))
    assert isinstance(await day.not_me("ada", request), Disowned)
    await ends(day, request, State.REVOKED)


async def drive(day: Day, request: str, number: int, *, dies: bool) -> str:
    """Let a fresh pass be made up to the n-th await, let the person say "not me", and let the worker go on, or die.

    Return where that was; empty when the pass was made before.
    """
    assert isinstance(await day.fresh("dana", request), BeingMade)
    message = day.bus.receive("asks", delete=True)
    assert message is not None
    await day._handlers["asks"](message)
    day.checkpoint.forget()
    work = advance(WakeUp(request, day.request(request).attempt), day.issuer)
    for _ in range(number):
        try:
            work.send(None)
        except StopIteration:
            return ""
    where = day.checkpoint.trail[-1]
    assert isinstance(await day.not_me("ada", request), Disowned)
    said = day.bus.receive("asks", delete=True)
    assert said is not None
    await day._handlers["asks"](said)
    if dies:
        work.close()
    else:
        await interleave(0, [work])
    return where


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
async def test_a_not_me_wins_over_a_fresh_pass_that_is_being_made(*, dies: bool) -> None:
    """Wherever the issuer is with the fresh pass, the request ends in revoked, with nothing of either pass left."""
    passed: set[str] = set()
    for number in range(1, 200):
        day = desk_day()
        request = await shown(day)
        where = await drive(day, request, number, dies=dies)
        if not where:
            break
        passed.add(where)
        try:
            await ends(day, request, State.REVOKED)
            assert day.reasons(request) == {"not_me_person"}
        except AssertionError as wrong:
            wrong.add_note(f"await {number}: {where}")
            raise
    assert {"directory.create_pass.before", "directory.create_pass.after", "vault.store.after"} <= passed


@pytest.mark.parametrize("dies", [False, True], ids=["unsure", "dies"])
async def test_a_create_that_lands_after_the_not_me_is_removed_too(*, dies: bool) -> None:
    """Graph may take a minute: until nothing can land any more, the request is only marked, and then it ends."""
    day = desk_day()
    request = await shown(day)
    day.checkpoint.break_on("directory.create_pass.before", Crash() if dies else Unknown("graph.create"))
    await day.fresh("dana", request)
    await day.pump()
    assert day.request(request).state is (State.ISSUING if dies else State.UNKNOWN)
    assert isinstance(await day.not_me("ada", request), Disowned)
    await day.pump()
    assert day.request(request).disowned is Reason.NOT_ME_PERSON
    await day.pass_time(timedelta(seconds=50))
    day.tenant.create_pass(person_id("ada"), lifetime_minutes=60, one_time=True, start=None)
    await ends(day, request, State.REVOKED)
    assert day.reasons(request) == {"not_me_person"}


@pytest.mark.parametrize("name", ["mona", "root", "approver"])
async def test_a_foreign_account_after_the_reveal_revokes(day: Day, name: str) -> None:
    """Promise 10: whoever else presses the button of a pass that was shown ends it, and sees nothing of that."""
    request = await shown(day)
    assert await day.foreign(name, request) == Gone()
    assert day.request(request).state is State.REVOKED
    assert day.reasons(request) == {"foreign_account"}
    assert day.tenant.passes.all() == ()
    assert ("revoked.foreign_account", request, (f"caller:{person_id(name)}",)) in day.ports.bus.warned
    await ends(day, request, State.REVOKED)


async def test_a_foreign_account_does_not_get_by_with_half_a_form(day: Day) -> None:
    """Promise 10: the form's token is what it got past; that it ticked nothing does not keep the alarm silent."""
    request = await shown(day)
    assert await day.foreign("mona", request, check=None) == Gone()
    assert day.reasons(request) == {"foreign_account"}


async def test_before_the_reveal_a_foreign_account_ends_nothing(day: Day) -> None:
    """Promise 10: nobody can take a pass away from somebody who still needs it."""
    request = await ready(day)
    assert await day.foreign("mona", request) == Gone()
    await day.forges("mona", request, FOREIGN)
    assert day.request(request).state is State.READY
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


@pytest.mark.parametrize("name", ["dana", "ada"])
async def test_recipient_and_person_are_not_foreign(day: Day, name: str) -> None:
    """Promise 10: repeats by the recipient, and the person's own curiosity, never revoke."""
    request = await shown(day)
    for _ in range(30):
        await day.foreign(name, request)
    await day.forges(name, request, FOREIGN)
    assert day.request(request).state is State.REVEALED
    assert ("ask.refused", request, ("not_foreign",)) in day.ports.bus.warned
    await ends(day, request, State.CLOSED)


async def test_a_foreign_account_on_a_lapsed_or_fresh_pass_ends_nothing(day: Day) -> None:
    """The pass that was shown is gone; the one that follows was not shown yet."""
    request = await shown(day)
    await day.fresh("dana", request)
    await day.pass_time(MINUTES)
    assert await day.foreign("mona", request) == Gone()
    assert day.request(request).state is State.READY
    await day.pass_time(timedelta(minutes=70))
    assert isinstance(await day.looks("dana", request), Lapsed)
    await day.forges("mona", request, FOREIGN)
    assert day.request(request).state is State.LAPSED
    await ends(day, request, State.EXPIRED)


async def test_the_reveal_that_the_issuer_has_not_heard_of_counts(day: Day) -> None:
    """The courier's own row says that it was shown; the issuer reads it before it judges the foreign account."""
    request = await ready(day)
    assert isinstance(await day.reveal("dana", request), Shown)
    while day.bus.receive("asks", delete=True):
        pass
    assert await day.foreign("mona", request) == Gone()
    assert day.request(request).state is State.REVOKED
    await ends(day, request, State.REVOKED)


async def test_guessing_is_counted_told_once_and_looked_up_no_more(day: Day) -> None:
    """Twenty in an hour: security hears of it once; further ones read one row; what is theirs keeps working."""
    request = await shown(day)
    mona, token = day.ports.callers.sign_in(person_id("mona"), day.clock())
    for number in range(25):
        assert await guesses.limited(mona, day.courier) is (number >= guesses.MOST_GUESSES)
        await guesses.count(mona, token, NOBODYS, day.courier)
    await day.pump()
    told = [w for w in day.ports.bus.warned if w[0] == "caller.guessing"]
    assert told == [("caller.guessing", NOBODYS, (f"caller:{mona.object_id}",))]
    day.checkpoint.forget()
    assert await day.foreign("mona", request) == Gone()
    assert day.checkpoint.trail.count("ledger.get.before") == 0, "looked up no more"
    assert day.request(request).state is State.REVEALED


async def test_a_recipient_who_guessed_too_much_is_not_shut_out(day: Day) -> None:
    """The limit is on what is not theirs."""
    request = await ready(day)
    dana, token = day.ports.callers.sign_in(person_id("dana"), day.clock())
    for _ in range(30):
        await guesses.count(dana, token, NOBODYS, day.courier)
    assert await guesses.limited(dana, day.courier)
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


async def test_what_is_theirs_is_not_counted(day: Day) -> None:
    """A recipient's old link, and the person's, is no guess; after an hour the count begins anew."""
    request = await shown(day)
    for name in ("dana", "ada"):
        caller, token = day.ports.callers.sign_in(person_id(name), day.clock())
        await guesses.count(caller, token, request, day.courier)
        assert await day.ports.handovers.guesses(caller.object_id) is None
    mona, token = day.ports.callers.sign_in(person_id("mona"), day.clock())
    for _ in range(20):
        await guesses.count(mona, token, NOBODYS, day.courier)
    assert await guesses.limited(mona, day.courier)
    await day.pass_time(timedelta(hours=1))
    assert not await guesses.limited(mona, day.courier)
    await guesses.count(mona, token, NOBODYS, day.courier)
    row = await day.ports.handovers.guesses(mona.object_id)
    assert row is not None
    assert (row.count, row.told) == (1, False)


async def test_a_count_that_fails_never_breaks_a_page(day: Day) -> None:
    """A table or a bus that pauses costs the count, not the answer; security is told with the next guess."""
    mona, token = day.ports.callers.sign_in(person_id("mona"), day.clock())
    day.checkpoint.break_on("handovers.guesses.before", TryLater("table"))
    await guesses.count(mona, token, NOBODYS, day.courier)
    assert await day.ports.handovers.guesses(mona.object_id) is None
    for _ in range(19):
        await guesses.count(mona, token, NOBODYS, day.courier)
    day.checkpoint.break_on("bus.ask.before", TryLater("bus"))
    await guesses.count(mona, token, NOBODYS, day.courier)
    assert not await guesses.limited(mona, day.courier)
    await guesses.count(mona, token, NOBODYS, day.courier)
    assert await guesses.limited(mona, day.courier)
    await day.pump()
    assert [w[0] for w in day.ports.bus.warned] == ["caller.guessing"]


async def test_counts_at_once_are_not_lost(day: Day) -> None:
    """Eight guesses at the same moment are eight, or nearly: a rival's write is tried again."""
    mona, token = day.ports.callers.sign_in(person_id("mona"), day.clock())
    await interleave(7, [guesses.count(mona, token, NOBODYS, day.courier) for _ in range(8)])
    row = await day.ports.handovers.guesses(mona.object_id)
    assert row is not None
    assert row.count >= 5


@pytest.mark.parametrize("seed", range(3))
async def test_two_hundred_reveals_of_one_pass_from_two_accounts(day: Day, seed: int) -> None:
    """Exactly one shows the value, to the rightful one; the ledger names it; a repeat of theirs is no alarm."""
    request = await ready(day)
    presses = [day.reveal("dana" if number % 2 else "mona", request) for number in range(200)]
    answers = await interleave(seed, presses)
    shown_to = [number for number, answer in enumerate(answers) if isinstance(answer, Shown)]
    assert len(shown_to) == 1
    assert shown_to[0] % 2 == 1
    assert {type(a) for n, a in enumerate(answers) if n % 2 == 0} == {Gone}
    assert {type(a) for n, a in enumerate(answers) if n % 2} <= {Shown, Receipt, AskAgain, Gone}
    assert len(day.ports.courier_vault.reads) == 1
    await day.pump()
    row = await day.ports.handovers.get(person_id("dana"), request)
    assert row is not None
    assert row.state == "revealed"
    assert day.reasons(request) <= {"foreign_account"}
    await day.to_rest()
    at_rest(day)


async def test_repeats_of_the_rightful_one_alone_are_no_alarm(day: Day) -> None:
    """A hundred presses of the recipient: one shown, the rest receipts; nothing revoked, nobody warned."""
    request = await ready(day)
    answers = await interleave(4, [day.reveal("dana", request) for _ in range(100)])
    assert sum(isinstance(a, Shown) for a in answers) == 1
    await day.pump()
    assert day.request(request).state is State.REVEALED
    assert day.ports.bus.warned == []
    await ends(day, request, State.CLOSED)


async def test_a_joiner_is_told_once_the_pass_was_used(day: Day) -> None:
    """Before, they cannot read mail; then they hear that a pass was made, who had it, and where to say "not me"."""
    request = await shown(day)
    assert [m.to for m in day.tenant.outbox] == [("dana@contoso.com",)]
    assert day.tenant.sign_in(upn("ada"), day.shown[0][1]).accepted
    await day.pass_time(timedelta(minutes=20))
    assert day.request(request).used_seen_at is not None
    (_, mail) = day.tenant.outbox
    assert mail.to == ("ada@contoso.com",)
    assert mail.body == f"https://passdesk.contoso.com/not-me/{request}"
    await ends(day, request, State.CLOSED)
    assert len(day.tenant.outbox) == 2


async def test_a_recoverys_person_is_told_while_the_pass_waits() -> None:
    """Whoever had a device "lost" in their name hears of it at once, however the notice fails at first."""
    day = desk_day()
    day.checkpoint.break_on("notices.made.before", TryLater("mail"), TryLater("mail"))
    request = day.lost("erik")
    await day.pump()
    assert [m.to for m in day.tenant.outbox] == [("dana@contoso.com",)]
    await day.pass_time(timedelta(minutes=10))
    assert [m.to for m in day.tenant.outbox] == [("dana@contoso.com",), ("erik@contoso.com",)]
    assert "Dana Berg (nb-NO)" in list(day.tenant.outbox)[1].subject
    assert isinstance(await day.not_me("erik", request), Disowned)
    await day.pump()
    assert day.reasons(request) == {"not_me_person"}
    await ends(day, request, State.REVOKED)


async def test_a_person_without_a_mail_address_is_not_waited_for() -> None:
    """Nobody can be told: the request goes its way."""
    day = desk_day()
    day.tenant.change(person_id("erik"), mail=None)
    request = day.lost("erik")
    await day.pass_time(timedelta(minutes=10))
    assert [m.to for m in day.tenant.outbox] == [("dana@contoso.com",)]
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


@pytest.mark.parametrize("verb", [NOT_ME, FOREIGN, GUESSING, REVEALED])
async def test_an_ask_about_nothing_changes_nothing(day: Day, verb: str) -> None:
    """A captured courier that names a request of nobody's is told on, or merely heard."""
    await day.forges("mona", NOBODYS, verb)
    assert day.ledger.all_requests() == []
    assert len(day.ports.bus.warned) == 1


async def test_a_not_me_outlives_its_message(day: Day) -> None:
    """Promise 10: the directory fails for longer than the message may come again; the pass is revoked all the same."""
    request = await shown(day)
    day.checkpoint.break_on("directory.delete_pass.before", *[TryLater("graph.delete") for _ in range(12)])
    assert isinstance(await day.not_me("ada", request), Disowned)
    await day.pump()
    assert day.bus.counts("asks").in_flight + day.bus.counts("asks").dead_lettered <= 1, "its message is gone"
    assert day.request(request).state is State.REVEALED
    await ends(day, request, State.REVOKED)
    assert day.reasons(request) == {Reason.NOT_ME_PERSON}


@pytest.mark.parametrize("before", ["ready", "shown"])
async def test_a_not_me_stands_before_the_pass_is_gone(day: Day, before: str) -> None:
    """Promise 10: while vault and directory do not answer, nobody is shown the pass any more, nor given a fresh one."""
    request = await (shown(day) if before == "shown" else ready(day))
    day.checkpoint.break_on("courier_vault.delete.before", TryLater("vault.delete"))
    day.checkpoint.break_on("directory.delete_pass.before", *[TryLater("graph.delete") for _ in range(12)])
    assert isinstance(await day.not_me("ada", request), Disowned)
    await day.pump()
    assert day.request(request).disowned is Reason.NOT_ME_PERSON
    assert not isinstance(await day.reveal("dana", request), Shown)
    assert not isinstance(await day.fresh("dana", request), BeingMade)
    assert len(day.shown) == (1 if before == "shown" else 0)
    await ends(day, request, State.REVOKED)

"""The scenes of lost devices: good evidence, a second person, and three callers who get nothing."""

from local.demo.stage import Broken
from local.demo.teller import Teller
from local.directory.methods import Kind
from local.directory.tenant import person_id, upn

_OK = 200


async def lena_lost_her_phone(story: Teller) -> None:
    """Let Lena, whom the desk verified by Verified ID, get back in: without the methods that were on her phone."""
    stage = story.stage
    began = stage.now
    lena = await story.ticket("lena", "verified-id", lost=("phone", "authenticator"))
    await stage.reaches(lena, "ready")
    await stage.until(lambda: story.mail("jonas") and f"/handover/{lena}" in story.mail("jonas")[-1], "Jonas is told")
    took = (stage.now - began).total_seconds()
    left = {method.kind for method in stage.desk.directory.methods.of(person_id("lena"))}
    story.check(left == {Kind.PASSWORD, Kind.FIDO2}, "what was on the lost phone is removed, and nothing else")
    ended = stage.desk.directory.person(person_id("lena")).sign_in_sessions_valid_from_date_time
    story.check(ended is not None and ended >= began.replace(microsecond=0), "her sessions are revoked")
    story.line(f"Desk: Lena Brandt lost her phone, Verified ID. Methods removed, sessions ended, pass in {took:.0f} s.")
    await _handed_over(story, lena, "jonas", "lena", "Jonas Lie, her manager, reveals it once. Lena is back in.")


async def omar_has_no_manager(story: Teller) -> None:
    """Let a second person approve, signed in, and name another of the desk than who verified."""
    stage = story.stage
    omar = await story.ticket("omar", "call-back")
    await stage.reaches(omar, "needs_approval")
    await stage.until(lambda: story.mail("approver"), "the approvers are told")
    minted = {m.person_id for m in stage.desk.directory.minted}
    story.check(person_id("omar") not in minted, "nothing is made before the approval")
    async with stage.browser("desk.agent") as verifier:
        await verifier.sign_in()
        own = await verifier.approve(omar, upn("desk.night"))
        stage.answers.append(("page, an approval by who verified", own.text))
        story.check(own.status != _OK, "whoever verified cannot approve")
    async with stage.browser("approver") as paula:
        await paula.sign_in()
        asked = await paula.get(f"/approval/{omar}")
        sent = await paula.approve(omar, upn("desk.night"))
        stage.answers += [("page, what is asked", asked.text), ("page, the answer", sent.text)]
        story.check(sent.status == _OK, f"Paula approves (status {sent.status})")
    await stage.reaches(omar, "ready")
    story.line("Desk: Omar Said has no manager. Paula Nunez, signed in, approves and names Nils Aas of the desk.")
    await _handed_over(story, omar, "desk.night", "omar", "Nils Aas reveals it once. Omar is back in.")


async def others_who_asked(story: Teller) -> None:
    """Refuse three callers, each for another reason."""
    for who, method, by, reason, said in (
        ("erik", "email", "desk.agent", "evidence_weak", "Erik Dahl, verified by a mail"),
        ("desk.night", "verified-id", "desk.night", "verifier_is_person", "Nils Aas vouches for himself"),
        ("root", "verified-id", "desk.agent", "role_active", "Robin Holt, an administrator"),
    ):
        before = story.stage.desk.directory.methods.of(person_id(who))
        request = await story.ticket(who, method, by)
        await story.stage.reaches(request, "refused")
        story.check(reason in story.reasons(request), f"{who} is refused: {reason}")
        story.check(story.stage.desk.directory.methods.of(person_id(who)) == before, "nothing of theirs is touched")
        story.line(f"Desk: {said}. Refused: {story.reasons(request)}.")


async def _handed_over(story: Teller, request: str, recipient: str, person: str, said: str) -> None:
    stage = story.stage
    await stage.until(lambda: any(request in mail for mail in story.mail(recipient)), f"{recipient} is told")
    async with stage.browser(recipient) as browser:
        await browser.sign_in()
        shown = await browser.reveal(request)
        again = await browser.reveal(request)
        stage.answers.append(("page, the second try", again.text))
    if shown.passcode is None:
        raise Broken(f"{recipient} is not shown the pass (status {shown.status})")
    story.check(again.passcode is None, "a second reveal shows no passcode")
    entered = await stage.sign_in(upn(person), shown.passcode)
    story.check(bool(entered["accepted"]), f"{person} signs in with the pass")
    await stage.reaches(request, "revealed")
    story.line(said)

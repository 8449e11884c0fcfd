"""Not me: recipient or person say that they know nothing of a pass. The secret goes at once; the issuer revokes."""

from shared.domain.fates import Failure
from shared.domain.handovers import HandoverState
from shared.domain.journal import Event, note
from shared.domain.messages import NOT_ME, Ask
from shared.domain.passcode import IdToken
from shared.domain.requests import Request, State
from shared.flows.page_answers import AskAgain, Concern, Disowned, Gone
from shared.flows.ports import SignedIn
from shared.flows.services import CourierServices


async def concern(caller: SignedIn, request_id: str, services: CourierServices) -> Concern | Gone:
    """Return what the caller may say "not me" to. Changes nothing. Raises TryLater, GiveUp."""
    found = await _theirs(caller, request_id, services)
    return Gone() if found is None else found[1]


async def disown(
    caller: SignedIn, token: IdToken, request_id: str, services: CourierServices
) -> Disowned | Gone | AskAgain:
    """Pass a "not me" on, also one that comes after the end. Raises TryLater, GiveUp only while nothing was done.

    The secret goes first, so that nobody is shown it while the issuer works. Saying it again does it again.
    """
    found = await _theirs(caller, request_id, services)
    if found is None:
        return Gone()
    request, about = found
    note(Event.NOT_ME_SAID, request_id, caller=caller.object_id, about_me=int(about.about_me))
    for name in request.secrets:
        try:
            await services.vault.delete(name)
        except Failure as failure:
            note(Event.LATER, request_id, fate=type(failure).__name__, step="delete")
    try:
        await services.bus.ask(Ask(request_id=request_id, verb=NOT_ME, token=token))
    except Failure as failure:
        note(Event.LATER, request_id, fate=type(failure).__name__, step="not_me")
        return AskAgain()
    return Disowned(about)


async def _theirs(caller: SignedIn, request_id: str, services: CourierServices) -> tuple[Request, Concern] | None:
    request = await services.requests.get(request_id)
    if request is None or request.plan is None or not request.was_ready:
        return None
    recipient = request.plan.recipient
    if caller.object_id not in {recipient.object_id, request.person_id}:
        return None
    handover = await services.handovers.get(recipient.object_id, request_id)
    shown = handover is not None and handover.state is HandoverState.REVEALED
    about_me = caller.object_id != recipient.object_id
    about = Concern(
        request_id=request_id,
        person_name=request.plan.person_name,
        recipient_name=recipient.display_name if about_me else "",
        made_at=next(step.at for step in reversed(request.history) if step.state is State.READY),
        revealed_at=handover.revealed_at if handover is not None and shown else None,
        about_me=about_me,
    )
    return request, about

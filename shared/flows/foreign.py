"""Foreign: another account pressed the button of a pass that was shown already. Its page says nothing of the alarm."""

from shared.domain.fates import Failure
from shared.domain.handovers import HandoverState
from shared.domain.journal import Event, note
from shared.domain.messages import FOREIGN, Ask
from shared.domain.passcode import IdToken
from shared.flows.guesses import limited
from shared.flows.ports import SignedIn
from shared.flows.services import CourierServices


async def alarm(caller: SignedIn, token: IdToken, request_id: str, services: CourierServices) -> None:
    """Tell the issuer when the caller is neither recipient nor person of a pass that was shown. Never fails.

    Whoever guesses too much is looked up no more; security knows of them by then.
    """
    try:
        if not await limited(caller, services) and await _is_foreign(caller, request_id, services):
            note(Event.FOREIGN_SEEN, request_id, caller=caller.object_id)
            await services.bus.ask(Ask(request_id=request_id, verb=FOREIGN, token=token))
    except Failure as failure:
        note(Event.LATER, request_id, fate=type(failure).__name__, step="foreign")


async def _is_foreign(caller: SignedIn, request_id: str, services: CourierServices) -> bool:
    request = await services.requests.get(request_id)
    if request is None or request.ended or request.plan is None:
        return False
    recipient = request.plan.recipient.object_id
    if caller.object_id in {recipient, request.person_id}:
        return False
    handover = await services.handovers.get(recipient, request_id)
    return handover is not None and handover.state is HandoverState.REVEALED

"""Fresh: the recipient asks for another pass, because the first was shown in vain or ran out. The issuer decides."""

from dataclasses import replace

from shared.domain.fates import Conflict, Failure
from shared.domain.handovers import Handover
from shared.domain.journal import Event, note
from shared.domain.messages import FRESH, Ask
from shared.domain.passcode import IdToken
from shared.flows.hand_over import look
from shared.flows.page_answers import AskAgain, BeingMade, Gone, Lapsed, NotMade, Receipt
from shared.flows.ports import SignedIn
from shared.flows.services import CourierServices


async def ask_fresh(
    caller: SignedIn, token: IdToken, request_id: str, services: CourierServices
) -> BeingMade | Receipt | Lapsed | NotMade | Gone | AskAgain:
    """Ask for a fresh pass in the caller's name. Raises TryLater, GiveUp only while nothing was sent.

    The wish lies in the recipient's own row and comes first. Should we die before it is sent, it may be asked again
    after five minutes; an ask that is sent twice opens the request once.
    """
    found = await look(caller, request_id, services)
    match found:
        case Handover():
            return AskAgain()  # it waits to be shown: the page shows it as it stands
        case Lapsed(handover=handover) | Receipt(handover=handover, may_ask=True):
            pass
        case _:
            return found
    try:
        asked = await services.handovers.put(replace(handover, fresh_asked_at=services.clock()))
    except Conflict:
        after = await look(caller, request_id, services)
        return after if isinstance(after, BeingMade | NotMade) else AskAgain()
    note(Event.FRESH_ASKED, request_id, caller=caller.object_id)
    try:
        await services.bus.ask(Ask(request_id=request_id, verb=FRESH, token=token))
    except Failure as failure:
        note(Event.LATER, request_id, fate=type(failure).__name__, step="fresh")
        await _give_back(asked, services)
        return AskAgain()
    return BeingMade(asked)


async def _give_back(asked: Handover, services: CourierServices) -> None:
    try:
        await services.handovers.put(replace(asked, fresh_asked_at=None))
    except Failure as failure:
        note(Event.LATER, asked.request_id, fate=type(failure).__name__, step="give_back")

"""The approval page: what a second person is asked, and their answer. The list of what waits is at /handover."""

import azure.functions as func

from functions import approval_pages, door, pages
from functions.pages import Form
from shared.composition import courier_services
from shared.domain.passcode import IdToken
from shared.flows.approvals import (
    AlreadyAnswered,
    Answered,
    AskAgain,
    Gone,
    NeedsAgent,
    Question,
    Reply,
    Sent,
    Verb,
    answer,
    look_at,
)
from shared.flows.ports import SignedIn

blueprint = func.Blueprint()


@blueprint.function_name("approval_look")
@blueprint.route(route="approval/{request_id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def approval_look(req: func.HttpRequest) -> func.HttpResponse:
    """Show one question to the approver who is asked; looking answers nothing."""
    request_id = door.request_id(req)
    if request_id is None:
        return approval_pages.gone()

    async def show(caller: SignedIn, token: IdToken) -> func.HttpResponse:
        return _page(await look_at(caller, request_id, courier_services()), token)

    return await door.signed_in(req, f"/approval/{request_id}", show)


@blueprint.function_name("approval_answer")
@blueprint.route(route="approval/{request_id}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def approval_answer(req: func.HttpRequest) -> func.HttpResponse:
    """Pass an approver's answer on, once."""
    request_id = door.request_id(req)
    if request_id is None:
        return approval_pages.gone()
    back_to = f"/approval/{request_id}"

    async def send(caller: SignedIn, token: IdToken) -> func.HttpResponse:
        services = courier_services()
        seen = await look_at(caller, request_id, services)
        if not isinstance(seen, Question):
            return _page(seen, token)
        reply = _reply(door.form(req, _token(token, seen)), seen)
        if reply is None:
            return approval_pages.form_expired(back_to)
        return _page(await answer(caller, token, request_id, reply, services), token)

    return await door.signed_in(req, back_to, send)


def _page(outcome: Question | Answered, token: IdToken) -> func.HttpResponse:
    match outcome:
        case Question():
            return approval_pages.question(outcome, _token(token, outcome))
        case NeedsAgent(question=question):
            return approval_pages.question(question, _token(token, question), agent_missing=True)
        case Sent(task=task):
            return approval_pages.sent(task)
        case AlreadyAnswered(task=task):
            return approval_pages.receipt(task)
        case AskAgain():
            return pages.try_again()
        case Gone():
            return approval_pages.gone()


def _token(token: IdToken, question: Question) -> str:
    """Return the form's token: it is of one attempt, so that nobody answers a question that they have not read."""
    task = question.task
    return pages.form_token(token, Form.APPROVAL, f"{task.request_id}:{task.attempt}")


def _reply(fields: dict[str, str] | None, question: Question) -> Reply | None:
    if fields is None or fields.get("answer") not in set(Verb):
        return None
    return Reply(verb=Verb(fields["answer"]), agent=fields.get("agent", ""), attempt=question.task.attempt)

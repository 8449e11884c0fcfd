"""The approval page: what a second person is asked, and their answer. The list of what waits is at /handover."""

import azure.functions as func

from functions import door
from functions.door import Visit
from functions.pages import approval as pages
from functions.pages import plain
from functions.pages.frame import Form
from shared.composition import courier_services
from shared.flows.approvals import AlreadyAnswered, Answered, NeedsAgent, Question, Reply, Sent, Verb, answer, look_at
from shared.flows.page_answers import AskAgain, Gone

blueprint = func.Blueprint()


@blueprint.function_name("approval_look")
@blueprint.route(route="approval/{request_id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def approval_look(req: func.HttpRequest) -> func.HttpResponse:
    """Show one question to the approver who is asked; looking answers nothing."""
    request_id = door.request_id(req)
    if request_id is None:
        return pages.gone(door.words_for(req))

    async def show(visit: Visit) -> func.HttpResponse:
        return await _page(visit, request_id, await look_at(visit.caller, request_id, courier_services()))

    return await door.signed_in(req, f"/approval/{request_id}", show)


@blueprint.function_name("approval_answer")
@blueprint.route(route="approval/{request_id}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def approval_answer(req: func.HttpRequest) -> func.HttpResponse:
    """Pass an approver's answer on, once."""
    request_id = door.request_id(req)
    if request_id is None:
        return pages.gone(door.words_for(req))
    back_to = f"/approval/{request_id}"

    async def send(visit: Visit) -> func.HttpResponse:
        services = courier_services()
        seen = await look_at(visit.caller, request_id, services)
        if not isinstance(seen, Question):
            return await _page(visit, request_id, seen)
        reply = _reply(visit.form(Form.APPROVAL, _about(seen)), seen)
        if reply is None:
            return pages.form_expired(visit.words, back_to)
        return await _page(visit, request_id, await answer(visit.caller, visit.token, request_id, reply, services))

    return await door.signed_in(req, back_to, send)


async def _page(visit: Visit, request_id: str, outcome: Question | Answered) -> func.HttpResponse:
    words = visit.words
    match outcome:
        case Question():
            return pages.question(words, outcome, visit.form_token(Form.APPROVAL, _about(outcome)))
        case NeedsAgent(question=question):
            token = visit.form_token(Form.APPROVAL, _about(question))
            return pages.question(words, question, token, agent_missing=True)
        case Sent(task=task):
            return pages.sent(words, task)
        case AlreadyAnswered(task=task):
            return pages.receipt(words, task)
        case AskAgain():
            return plain.try_again(words)
        case Gone():
            return await visit.in_vain(request_id, pages.gone(words))


def _about(question: Question) -> str:
    """Return what the form's token is of: one attempt, so that nobody answers a question that they have not read."""
    return f"{question.task.request_id}:{question.task.attempt}"


def _reply(fields: dict[str, str] | None, question: Question) -> Reply | None:
    if fields is None or fields.get("answer") not in set(Verb):
        return None
    return Reply(verb=Verb(fields["answer"]), agent=fields.get("agent", ""), attempt=question.task.attempt)

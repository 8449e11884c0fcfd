"""The sample's functions; each one tells what it got by a log line or a file, for the tests to read."""

import asyncio
import json
import logging
import os
from pathlib import Path

import azure.functions as func

blueprint = func.Blueprint()
_LOG = logging.getLogger("sample")
_PAIR = asyncio.Barrier(2)


def _tell(word: str, **facts: object) -> None:
    line = json.dumps({"what": word, **facts}, default=str)
    path = os.environ.get("SAMPLE_TOLD")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    _LOG.info("told %s", line, extra={"event": f"sample.{word}"})


def _facts(msg: func.ServiceBusMessage) -> dict[str, object]:
    return {
        "body": msg.get_body().decode("utf-8", errors="replace"),
        "message_id": msg.message_id,
        "session_id": msg.session_id,
        "delivery_count": msg.delivery_count,
        "sequence_number": msg.sequence_number,
        "enqueued": msg.enqueued_time_utc.isoformat() if msg.enqueued_time_utc else None,
        "expires": msg.expires_at_utc.isoformat() if msg.expires_at_utc else None,
        "locked_until": msg.locked_until,
        "properties": msg.application_properties,
        "subject": msg.subject,
        "metadata": sorted(msg.metadata or {}),
    }


async def _act(body: bytes) -> None:
    if body == b"raise":
        raise RuntimeError("ordered to raise")
    if body == b"exit":
        raise SystemExit(3)
    if body == b"meet":
        await _PAIR.wait()
    if body.startswith(b"slow"):
        await asyncio.sleep(float(body.removeprefix(b"slow") or b"1"))


@blueprint.service_bus_queue_trigger(
    arg_name="msg", queue_name="%SAMPLE_QUEUE%", connection="SAMPLE_BUS", data_type="BINARY"
)
async def sample_binary(msg: func.ServiceBusMessage) -> None:
    """Take bytes."""
    _tell("binary", **_facts(msg))
    await _act(msg.get_body())


@blueprint.service_bus_queue_trigger(
    arg_name="msg", queue_name="tickets/$DeadLetterQueue", connection="SAMPLE_BUS", data_type="BINARY"
)
async def sample_dead(msg: func.ServiceBusMessage) -> None:
    """Take what was dead-lettered."""
    _tell("dead", **_facts(msg))


@blueprint.service_bus_queue_trigger(arg_name="msg", queue_name="tickets", connection="SAMPLE_BUS")
def sample_text(msg: func.ServiceBusMessage) -> None:
    """Take text, in a thread."""
    _tell("text", **_facts(msg))
    if msg.get_body() == b"raise":
        raise RuntimeError("ordered to raise")


@blueprint.service_bus_queue_trigger(
    arg_name="msg",
    queue_name="requests",
    connection="SAMPLE_BUS",
    data_type="BINARY",
    is_sessions_enabled=True,
)
async def sample_session(msg: func.ServiceBusMessage, context: func.Context) -> None:
    """Take a session's message."""
    _tell("session", invocation=context.invocation_id, **_facts(msg))
    await _act(msg.get_body())


@blueprint.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
async def sample_timer(timer: func.TimerRequest) -> None:
    """Tell the schedule's facts."""
    _tell("timer", past_due=timer.past_due, status=getattr(timer, "schedule_status", None))


@blueprint.route(route="things/{id:int}/{part?}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def sample_thing(req: func.HttpRequest) -> func.HttpResponse:
    """Echo the request."""
    document = {
        "url": req.url,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().decode(),
    }
    response = func.HttpResponse(json.dumps(document), mimetype="application/json", status_code=202)
    response.headers.add("Set-Cookie", "one=1; Path=/; HttpOnly; SameSite=Strict")
    response.headers.add("Set-Cookie", "two=2; Path=/")
    return response


@blueprint.route(route="", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def sample_nameless(req: func.HttpRequest) -> func.HttpResponse:
    """Show that an empty route is none: the host serves this under the function's name."""
    return func.HttpResponse("nameless" if req.method == "GET" else "")


@blueprint.route(route="keyed", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def sample_keyed(req: func.HttpRequest) -> func.HttpResponse:
    """Answer whoever has a key."""
    return func.HttpResponse("opened " + req.method)


@blueprint.route(route="raises", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def sample_raises(req: func.HttpRequest) -> func.HttpResponse:
    """Fail."""
    raise RuntimeError(f"ordered to raise {req.method}")


@blueprint.route(route="slow", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def sample_slow(req: func.HttpRequest) -> func.HttpResponse:
    """Take two seconds."""
    _tell("slow", method=req.method)
    await asyncio.sleep(2)
    return func.HttpResponse("done")


@blueprint.route(route="files/{*rest}", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
async def sample_files(req: func.HttpRequest) -> func.HttpResponse:
    """Answer whoever has the master key."""
    return func.HttpResponse(req.route_params.get("rest", ""))


_tell("environment", names=sorted(os.environ))

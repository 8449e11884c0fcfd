"""Passes in the directory: made in one request, or said to be unknown; listed and deleted by id."""

import asyncio
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from local.clock import ManualClock
from local.directory.model import Directory
from local.directory.passes import Policy
from local.directory.tenant import person_id
from local.faults import Fault, Faults, Kind
from shared.adapters import graph as graph_module
from shared.adapters import pacer
from shared.adapters.graph import GraphDirectory
from shared.domain.fates import Failure, GiveUp, TryLater, Unknown
from shared.domain.reasons import Reason
from shared.flows.ports import CreatedPass
from tests.adapters.conftest import NOON, Scripted

ADA = person_id("ada")
HOUR = timedelta(hours=1)
PATH = f"/v1.0/users/{ADA}/authentication/temporaryAccessPassMethods"
CANARY = "Canary+&?7"
MADE: dict[str, Any] = {
    "id": "5a1d7a52-94c3-4f0e-8a54-7f8a6d2f1c11",
    "temporaryAccessPass": CANARY,
    "createdDateTime": "2026-11-30T12:00:00.1234567Z",
    "startDateTime": "2026-11-30T12:00:00.1234567Z",
    "lifetimeInMinutes": 60,
    "isUsableOnce": True,
    "isUsable": True,
    "methodUsabilityReason": "EnabledByPolicy",
}


async def create(graph: GraphDirectory, **changes: Any) -> CreatedPass:
    """Create Ada's pass, as the flow would."""
    wanted: dict[str, Any] = {"lifetime": HOUR, "one_time": True, "starts_at": None, "call_id": "call-1", **changes}
    return await graph.create_pass(ADA, **wanted)


async def test_a_pass_is_made_listed_and_deleted(graph: GraphDirectory, directory: Directory) -> None:
    """What Graph answers is what we get; the list never holds the passcode; a second delete is a success."""
    made = await create(graph)
    (minted,) = directory.minted
    assert made.passcode.reveal() == minted.passcode
    assert (made.starts, made.lifetime, made.usable) == (NOON, HOUR, True)
    (listed,) = await graph.passes(ADA)
    assert (listed.tap_id, listed.one_time, listed.usable, listed.used) == (made.tap_id, True, True, False)
    assert made.passcode.reveal() not in repr(listed)
    await graph.delete_pass(ADA, made.tap_id)
    await graph.delete_pass(ADA, made.tap_id)
    assert await graph.passes(ADA) == ()


async def test_a_pass_that_waits_for_its_start_counts_as_usable(graph: GraphDirectory, clock: ManualClock) -> None:
    """NotYetValid is what a joiner's pass is until the morning."""
    made = await create(graph, starts_at=NOON + HOUR)
    assert made.usable
    assert made.starts == NOON + HOUR
    clock.advance(2 * HOUR)
    (listed,) = await graph.passes(ADA)
    assert listed.usability == "Expired"


async def test_somebody_who_is_gone_has_no_pass(graph: GraphDirectory) -> None:
    """A 404 of the person is an empty list: there is nothing left to clean."""
    assert await graph.passes(person_id("nobody-at-all")) == ()


@pytest.mark.parametrize(
    ("status", "body", "fate", "reason"),
    [
        (400, "Temporary Access Pass cannot be added to an external guest user.", GiveUp, Reason.EXTERNAL_GUEST),
        (400, "Converged UserCredentialPolicy does not allow creating", GiveUp, Reason.POLICY_REFUSED),
        (403, "UserCredentialPolicy does not allow creating or updating", GiveUp, Reason.POLICY_REFUSED),
        (400, "Invalid LifetimeInMinutes specified.", GiveUp, Reason.LIFETIME_OUTSIDE_POLICY),
        (400, "Only one-time passes.", GiveUp, Reason.POLICY_REFUSED),
        (400, "isUsableOnce must be true", GiveUp, Reason.POLICY_REFUSED),
        (403, "Restricted by an administrative unit.", GiveUp, Reason.RESTRICTED_UNIT),
        (403, "Request Authorization failed", GiveUp, Reason.DIRECTORY_REFUSED),
        (400, "something new", GiveUp, Reason.DIRECTORY_REFUSED),
        (405, "", GiveUp, Reason.DIRECTORY_REFUSED),
        (302, "", GiveUp, Reason.DIRECTORY_REFUSED),
        (401, "token", TryLater, None),
        (404, "resourceNotFound", TryLater, None),
        (409, "conflict", TryLater, None),
        (423, "locked", TryLater, None),
        (429, "slow down", TryLater, None),
        (408, "", Unknown, None),
        (500, "", Unknown, None),
        (502, "<html>", Unknown, None),
        (503, "", Unknown, None),
        (504, "", Unknown, None),
        (200, "", Unknown, None),
        (202, "", Unknown, None),
        (204, None, Unknown, None),
    ],
)
async def test_every_answer_to_a_create_has_a_fate(
    scripted: Scripted,
    scripted_graph: GraphDirectory,
    *,
    status: int,
    body: str | None,
    fate: type[Failure],
    reason: Reason | None,
) -> None:
    """Certainly not made: later, or never and why. Everything in between is unknown. One request, whatever comes."""
    error = {"error": {"code": "badRequest", "message": body}} if body is not None else None
    scripted.answers(status, error, Retry_After="0", Location=f"{scripted.url}/elsewhere")
    with pytest.raises(fate) as raised:
        await create(scripted_graph)
    assert getattr(raised.value, "reason", None) == reason
    assert [(method, path) for method, path, _, _ in scripted.asked] == [("POST", PATH)]


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in sorted(set(MADE) - {"createdDateTime", "isUsableOnce", "methodUsabilityReason"})),
        {"isUsable": False, "methodUsabilityReason": None},
        {"temporaryAccessPass": ""},
        {"lifetimeInMinutes": "60"},
    ],
)
async def test_a_created_pass_that_is_not_whole_is_unknown(
    scripted: Scripted, scripted_graph: GraphDirectory, changes: dict[str, Any]
) -> None:
    """A 201 without its passcode or its id made a pass that nobody can hand over: looked up and removed later."""
    scripted.answers(201, {**MADE, **changes})
    with pytest.raises(Unknown):
        await create(scripted_graph)


@pytest.mark.parametrize("body", ["", "{", "[" * 100_000, "7"])
async def test_a_created_pass_that_is_not_json_is_unknown(
    scripted: Scripted, scripted_graph: GraphDirectory, body: str
) -> None:
    """A 201 that was cut in its body."""
    scripted.answers(201, body)
    with pytest.raises(Unknown):
        await create(scripted_graph)


async def test_the_request_says_what_was_planned(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """Whole minutes, one-time said outright, the start in UTC, and the ledger's own call id."""
    scripted.answers(201, MADE)
    made = await create(scripted_graph, starts_at=NOON + HOUR, call_id="the-ledger-s-id")
    assert made.passcode.reveal() == CANARY
    ((_, _, headers, body),) = scripted.asked
    assert json.loads(body) == {
        "lifetimeInMinutes": 60,
        "isUsableOnce": True,
        "startDateTime": "2026-11-30T13:00:00Z",
    }
    assert headers["client-request-id"] == "the-ledger-s-id"


@pytest.mark.parametrize(
    ("usable", "why", "expected"),
    [
        (True, "EnabledByPolicy", True),
        (False, "notYetValid", True),
        (False, "DisabledByPolicy", False),
        (False, "SomethingNew", False),
    ],
)
async def test_a_pass_outside_the_policy_is_said_to_be_useless(
    scripted: Scripted, scripted_graph: GraphDirectory, *, usable: bool, why: str, expected: bool
) -> None:
    """Graph may make a pass that nobody can sign in with: the flow must see that."""
    scripted.answers(201, {**MADE, "isUsable": usable, "methodUsabilityReason": why})
    assert (await create(scripted_graph)).usable is expected


async def test_a_throttled_create_takes_its_turn_again(
    graph: GraphDirectory, directory: Directory, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 429 made nothing, so the one request that makes the pass is still to come; nobody else has to know."""
    monkeypatch.setattr(pacer, "PATIENCE", HOUR)
    faults.order(Fault("directory", "tap.create", Kind.THROTTLE, seconds=1))
    made = await create(graph)
    assert [minted.passcode for minted in directory.minted] == [made.passcode.reveal()]


async def test_a_lost_answer_is_unknown_and_never_repeated(
    graph: GraphDirectory, directory: Directory, faults: Faults
) -> None:
    """The pass was made, its answer was lost: one request, one pass, fate unknown; the list shows it."""
    faults.order(Fault("directory", "tap.create", Kind.LOSE))
    with pytest.raises(Unknown):
        await create(graph)
    assert len(directory.minted) == 1
    (listed,) = await graph.passes(ADA)
    assert listed.created == NOON


async def test_silence_is_unknown(graph: GraphDirectory, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer within the limit, which is below the SDK's own and above Graph's."""
    assert timedelta(seconds=60) < graph_module.CREATE_LIMIT < timedelta(seconds=70)
    monkeypatch.setattr(graph_module, "CREATE_LIMIT", timedelta(seconds=0.2))
    faults.order(Fault("directory", "tap.create", Kind.HANG))
    with pytest.raises(Unknown):
        await create(graph)


async def test_a_directory_that_cannot_be_reached_made_nothing(
    scripted: Scripted, scripted_graph: GraphDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection is for later: the request never left."""
    monkeypatch.setattr(scripted_graph._http._adapter, "base_url", "http://localhost:1/v1.0")
    with pytest.raises(TryLater):
        await create(scripted_graph)
    assert scripted.asked == []


async def test_a_throttled_create_waits_as_long_as_it_is_asked(graph: GraphDirectory, faults: Faults) -> None:
    """429 is the one answer of a busy Graph that certainly made nothing."""
    faults.order(Fault("directory", "tap.create", Kind.THROTTLE, seconds=90))
    with pytest.raises(TryLater) as raised:
        await create(graph)
    assert raised.value.after == timedelta(seconds=90)


async def test_the_tenants_policy_is_obeyed(graph: GraphDirectory, directory: Directory) -> None:
    """What the tenant refuses is refused for good, with its reason."""
    directory.passes.policy = Policy(minimum_lifetime=120)
    with pytest.raises(GiveUp) as raised:
        await create(graph)
    assert raised.value.reason is Reason.LIFETIME_OUTSIDE_POLICY


@pytest.mark.parametrize(
    ("status", "body", "fate"),
    [
        (200, {"value": [{}]}, TryLater),
        (200, {"value": None}, TryLater),
        (200, None, TryLater),
        (200, {"value": [], "@odata.nextLink": "x"}, TryLater),
        (403, None, GiveUp),
        (503, None, TryLater),
    ],
)
async def test_a_list_of_passes_that_is_not_whole_is_no_list(
    scripted: Scripted, scripted_graph: GraphDirectory, status: int, body: object, fate: type[Failure]
) -> None:
    """A cut list must not pass for `no pass`: reconciling would make a second one."""
    scripted.answers(status, body)
    with pytest.raises(fate):
        await scripted_graph.passes(ADA)


@pytest.mark.parametrize(("status", "fate"), [(403, GiveUp), (429, TryLater), (500, TryLater)])
async def test_a_delete_that_fails_is_said(
    scripted: Scripted, scripted_graph: GraphDirectory, status: int, fate: type[Failure]
) -> None:
    """A pass that could not be deleted is still there."""
    scripted.answers(status, None)
    with pytest.raises(fate):
        await scripted_graph.delete_pass(ADA, MADE["id"])


@pytest.mark.parametrize("status", [201, 200, 400, 503])
async def test_no_log_and_no_exception_holds_the_passcode(
    scripted: Scripted, scripted_graph: GraphDirectory, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Every logger at DEBUG, every exception with its whole chain and its frames: the canary is in none."""
    caplog.set_level(logging.DEBUG)
    scripted.answers(status, {**MADE, "error": {"code": "x", "message": CANARY}})
    seen = ""
    try:
        made = await create(scripted_graph)
    except Failure as failure:
        seen = everything_of(failure)
    else:
        seen = repr(made)
    assert CANARY not in seen
    assert CANARY not in caplog.text
    assert caplog.records, "the SDK logs nothing at all: this test would prove nothing"


def everything_of(error: BaseException) -> str:
    """Return all that a reporter could print of an exception: texts, notes, causes, and every frame's locals."""
    seen = [repr(error), *getattr(error, "__notes__", ())]
    trace = error.__traceback__
    while trace is not None:
        own = trace.tb_frame.f_globals.get("__name__", "")
        if own.startswith("shared."):
            seen += [repr(value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    for other in (error.__cause__, error.__context__):
        if other is not None:
            seen.append(everything_of(other))
    return " ".join(seen)


async def test_a_create_that_is_cancelled_stays_cancelled(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """The handler's own deadline ends it; no fate is made up."""
    started = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        started.set()
        await asyncio.sleep(60)
        raise AssertionError

    scripted.reply = hang
    task = asyncio.create_task(create(scripted_graph))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

"""Tickets over the real protocols: each class of verdict, a pause, and an approval that somebody tries to take."""

import asyncio
import json
import sys
from datetime import timedelta

import pytest

from local.apps import environment
from local.directory.methods import Kind, Method
from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import person_id, upn
from tests.e2e.conftest import Scene
from tests.e2e.tickets import lost

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def ops(scene: Scene, *words: str) -> tuple[int, str]:
    """Run an operator's command against the stage, at its time of day; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "local.errand",
        "ops",
        *words,
        env=environment(scene.stage.desk, "issuer", "", scene.stage.offset),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


def reasons(scene: Scene, request: str) -> set[str]:
    """Return a request's reasons."""
    return {reason for reason, _ in json.loads(str(scene.row(request)["reasons"]))}


async def test_methods_named_by_id_go_and_others_stay(scene: Scene) -> None:
    """Completion over the wire: the one key that was lost is removed by its id; the phone stays."""
    (key,) = scene.stage.desk.directory.methods.of(person_id("ines"), (Kind.FIDO2,))
    request = await lost(scene, "ines", "verified-id", lost=[{"kind": "fido2", "id": key.method_id}])
    await scene.ready(request)
    left = {m.kind for m in scene.stage.desk.directory.methods.of(person_id("ines"))}
    assert Kind.FIDO2 not in left
    assert {Kind.PHONE, Kind.AUTHENTICATOR, Kind.WINDOWS_HELLO} <= left
    steps = [(kind, fate) for kind, _, fate in json.loads(scene.row(request)["completion"])]
    assert steps == [("fido2", "done"), (None, "done")]


async def test_every_kind_that_was_lost_goes(scene: Scene) -> None:
    """Completion over the wire: what signs in without a phone is removed by its kind too; the phone stays."""
    directory, tariq = scene.stage.desk.directory, person_id("tariq")
    directory.methods.add(Method("oath-of-tariq", tariq, Kind.SOFTWARE_OATH, directory.clock() - timedelta(days=30)))
    request = await lost(scene, "tariq", "verified-id", lost=["windows-hello", "software-oath"])
    await scene.ready(request)
    left = {m.kind for m in directory.methods.of(tariq)}
    assert not {Kind.WINDOWS_HELLO, Kind.SOFTWARE_OATH} & left
    assert {Kind.PHONE, Kind.AUTHENTICATOR, Kind.FIDO2} <= left


async def test_a_new_phone_asks_a_second_person(scene: Scene) -> None:
    """Promise 7 over the wire: the audit log tells of a phone that somebody added an hour ago."""
    directory, liv = scene.stage.desk.directory, person_id("liv")
    directory.register_method(Method("phone-of-liv", liv, Kind.PHONE, scene.stage.now, {"phoneType": "office"}))
    request = await lost(scene, "liv", "verified-id")
    await scene.stage.reaches(request, "needs_approval")
    assert reasons(scene, request) == {"phone_changed"}


async def test_whoever_was_not_asked_can_neither_see_nor_answer(scene: Scene) -> None:
    """Promise 7 over the wire: a stranger's page and a wrong link look alike, and nothing comes of their answer."""
    request = await lost(scene, "mona")
    await scene.stage.reaches(request, "needs_approval")
    await scene.stage.quiet()
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        foreign = await dana.get(f"/approval/{request}")
        unknown = await dana.get("/approval/00000000-0000-4000-8000-000000000000")
        listed = await dana.get("/handover")
        posted = await dana.post(f"/approval/{request}", {"token": "0" * 64, "answer": "approve", "agent": ""})
    assert (foreign.status, foreign.text) == (unknown.status, unknown.text)
    assert "Mona" not in listed.text
    assert posted.status == foreign.status
    await scene.stage.quiet()
    assert scene.stage.state(request) == "needs_approval"
    async with scene.stage.browser("approver.two") as yusuf:
        await yusuf.sign_in()
        question = await yusuf.get(f"/approval/{request}")
        form = {"token": question.form_token, "answer": "decline", "agent": ""}
        assert (await yusuf.post(f"/approval/{request}", form)).status == 200
    await scene.stage.reaches(request, "refused")
    assert reasons(scene, request) == {"declined"}


async def test_power_gained_while_the_question_is_open_refuses(scene: Scene) -> None:
    """Promise 4 over the wire: the approved ticket of somebody who became an administrator meanwhile is refused."""
    request = await lost(scene, "omar")
    await scene.stage.reaches(request, "needs_approval")
    await scene.stage.quiet()
    scene.stage.desk.directory.roles.active.append(
        Grant(person_id("omar"), GLOBAL_ADMINISTRATOR.definition_id, scene.stage.now)
    )
    async with scene.stage.browser("approver") as paula:
        await paula.sign_in()
        assert (await paula.approve(request, upn("desk.night"))).status == 200
    await scene.stage.reaches(request, "refused")
    assert {"role_active", "role_assigned"} <= reasons(scene, request)
    assert person_id("omar") not in {m.person_id for m in scene.stage.desk.directory.minted}


async def test_an_operator_pauses_and_resumes(scene: Scene) -> None:
    """Limits over the wire: `ops pause` parks what comes, `ops resume` lets it go on; both are safe to repeat."""
    code, said = await ops(scene, "pause", "--why", "drill", "--by", "olav")
    assert (code, said.split(":")[0]) == (0, "paused"), said
    code, said = await ops(scene, "pause", "--why", "again")
    assert (code, "paused already: by olav" in said) == (0, True), said
    request = await lost(scene, "ruth")
    await scene.stage.reaches(request, "parked")
    assert reasons(scene, request) == {"paused"}
    assert (await ops(scene, "resume"))[1].startswith("resumed")
    assert (await ops(scene, "resume"))[1].startswith("it was not paused")
    await scene.pass_time(timedelta(minutes=6))
    await scene.ready(request)


async def test_the_second_ticket_of_a_day_asks_a_second_person(scene: Scene) -> None:
    """Promise 7 over the wire: the ledger remembers the first; a weaker one is refused and does not block a third."""
    first = await lost(scene, "grace", event="first")
    await scene.ready(first)
    second = await lost(scene, "grace", "email", event="second")
    await scene.stage.reaches(second, "refused")
    third = await lost(scene, "grace", event="third")
    await scene.stage.reaches(third, "needs_approval")
    assert reasons(scene, third) == {"recovered_recently"}

"""What Azure can do to an issue: each fault is met over the real protocol, and the person still has one pass."""

import json
from datetime import timedelta

import pytest
from azure.servicebus.aio import ServiceBusClient

from local.faults import Fault, Kind
from tests.e2e.conftest import Scene

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def _one_pass_and_it_is_the_ledgers(scene: Scene, name: str, request: str) -> None:
    await scene.ready(request)
    assert scene.live(name) == [scene.issued(request)]
    secrets = json.loads(scene.row(request)["secrets"])
    assert scene.stage.desk.vault.peek_value(secrets[-1])


async def test_a_throttled_create_is_tried_later(scene: Scene) -> None:
    """A 429 on the create certainly made nothing: the request waits as long as it was told, and is issued."""
    scene.stage.desk.faults.order(Fault("directory", "tap.create", Kind.THROTTLE, seconds=30))
    name = scene.joiner()
    request = await scene.hired(name)
    await scene.stage.reaches(request, "waiting")
    assert "directory_later" in scene.row(request)["reasons"]
    await _one_pass_and_it_is_the_ledgers(scene, name, request)


async def test_a_create_that_failed_with_503_is_unknown_until_looked_up(scene: Scene) -> None:
    """Nobody knows after a 503: not before seventy seconds the pass is looked up, and only then made."""
    scene.stage.desk.faults.order(Fault("directory", "tap.create", Kind.FAIL))
    name = scene.joiner()
    request = await scene.hired(name)
    await scene.stage.reaches(request, "unknown")
    await scene.pass_time(timedelta(seconds=30))
    assert scene.stage.state(request) == "unknown"
    await _one_pass_and_it_is_the_ledgers(scene, name, request)


async def test_a_create_whose_answer_was_lost_is_reconciled(scene: Scene) -> None:
    """The pass was made and its passcode lost: it is deleted by its id, and another one is made."""
    scene.stage.desk.faults.order(Fault("directory", "tap.create", Kind.LOSE))
    name = scene.joiner()
    before = len(scene.stage.desk.directory.minted)
    request = await scene.hired(name)
    await scene.stage.reaches(request, "unknown")
    assert len(scene.live(name)) == 1
    await _one_pass_and_it_is_the_ledgers(scene, name, request)
    assert len(scene.stage.desk.directory.minted) == before + 2


async def test_a_vault_that_is_down_costs_the_pass_and_not_the_request(scene: Scene) -> None:
    """A pass that could not be stored is deleted at once; when the vault is back, another one is made."""
    scene.stage.desk.faults.order(Fault("vault", "set", Kind.FAIL, count=20))
    name = scene.joiner()
    request = await scene.hired(name)
    await scene.stage.until(lambda: "vault_later" in scene.row(request)["reasons"], "the vault is said to be down")
    assert scene.live(name) == []
    scene.stage.desk.faults.clear()
    await _one_pass_and_it_is_the_ledgers(scene, name, request)


async def test_a_rival_write_to_the_ledger_makes_us_look_again(scene: Scene) -> None:
    """Somebody else wrote first: we step back, and the due row brings the request back."""
    name = scene.joiner()
    scene.stage.desk.ledger.rival("requests")
    request = await scene.hired(name)
    await scene.stage.quiet()
    await _one_pass_and_it_is_the_ledgers(scene, name, request)


async def test_a_token_without_its_role_fails_the_request_and_says_why(scene: Scene) -> None:
    """Without the right to make passes nothing is made, and the request fails with the reason."""
    identities = scene.stage.desk.identities
    identities.withhold("issuer", "UserAuthMethod-TAP.ReadWrite.All")
    try:
        await scene.stage.restart("issuer")
        name = scene.joiner()
        request = await scene.hired(name)
        await scene.stage.reaches(request, "failed")
        assert "directory_refused" in scene.row(request)["reasons"]
        assert scene.live(name) == []
    finally:
        identities.grant("issuer", "UserAuthMethod-TAP.ReadWrite.All")
        await scene.stage.restart("issuer")


async def test_a_dead_delivery_ends_the_request_and_its_pass(scene: Scene) -> None:
    """A notice that can never be sent: the request fails, and the pass that nobody was told of is gone."""
    stage = scene.stage
    await stage.apps["courier"].stop()
    try:
        name = scene.joiner()
        request = await scene.hired(name)
        await stage.until(lambda: stage.desk.bus.counts("deliveries").active == 1, "the delivery waits")
        async with (
            ServiceBusClient.from_connection_string(stage.desk.bus_connection_string) as client,
            client.get_queue_receiver("deliveries") as receiver,
        ):
            (delivery,) = await receiver.receive_messages(max_message_count=1)
            await receiver.dead_letter_message(delivery, reason="made up")
        await stage.reaches(request, "failed")
        assert "dead_lettered" in scene.row(request)["reasons"]
        assert scene.live(name) == []
    finally:
        await stage.restart("courier")


@pytest.mark.parametrize(
    "point", ["issue.claimed", "issue.created", "issue.checked", "issue.stored", "issue.ready", "issue.announced"]
)
async def test_a_killed_issuer_leaves_one_pass_and_loses_nothing(scene: Scene, point: str) -> None:
    """Killed at any named step, the issuer comes back and the person has exactly the pass the ledger names."""
    await scene.stage.apps["issuer"].control("POST", "/crash-at", {"point": point})
    name = scene.joiner()
    request = await scene.hired(name)
    process = scene.stage.apps["issuer"].process
    await scene.stage.until(lambda: process.returncode is not None, f"the issuer dies at {point}")
    assert process.returncode == -9
    await scene.stage.restart("issuer")
    await scene.stage.quiet_but("requests")
    await _one_pass_and_it_is_the_ledgers(scene, name, request)

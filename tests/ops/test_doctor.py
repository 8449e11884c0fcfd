"""The doctor finds a healthy desk well, and names each break of a broken one, with the reason and the mending."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from local import rights
from local.apps import launch
from local.directory.passes import Policy
from local.directory.tenant import MAILBOX
from local.fault_words import parse
from local.rights import COURIER, ISSUER, MANAGER
from local.vault.records import Settings as VaultSettings
from ops import doctor
from shared.domain import health
from shared.domain.health import Health, Part
from shared.domain.terms import CompletionTerms
from shared.flows.check_up import parts_for
from shared.flows.ports import Pause
from tests.ops.conftest import Grants, Surgery
from tests.ops.test_explain import run as command

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = timedelta(days=1)
SECRETS = "secrets/{}/action"


# -- well ----------------------------------------------------------------------------------------------------------


async def test_a_healthy_desk_is_well_for_both_roles(surgery: Surgery) -> None:
    """Every part of either role is looked at and well; nothing that was tried is left behind."""
    page = await launch(surgery.desk, "courier")
    try:
        found = {role: await doctor.examine(surgery.settings(role)) for role in ("issuer", "courier")}
    finally:
        await page.stop()
    for role, some in found.items():
        assert {one.part for one in some} == parts_for(role)
        assert {one.health for one in some} == {Health.OK}, [one for one in some if one.health is not Health.OK]
    document = doctor.describe(found)
    assert (document["schema"], document["health"]) == (1, "ok")
    desk = surgery.desk
    assert desk.vault.snapshot() == ()
    assert not any(desk.ledger.snapshot().values())
    assert [desk.bus.counts(key).scheduled for key in ("requests", "asks")] == [0, 0]
    assert len(desk.directory.outbox) == 0


async def test_the_command_asks_both_roles_of_a_desk_of_its_own() -> None:
    """Without settings it starts a desk and the courier's page, and tells both roles as one document."""
    said = command("doctor", "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    told = json.loads(said.stdout)
    assert (told["schema"], told["health"], [r["role"] for r in told["roles"]]) == (1, "ok", ["issuer", "courier"])
    assert all(set(f) == {"part", "health", "what", "why", "mend"} for r in told["roles"] for f in r["findings"])
    assert "made-up tenant" in said.stderr


# -- settings, pause, clock ----------------------------------------------------------------------------------------


async def test_nobody_protected_or_elevated_is_named(surgery: Surgery) -> None:
    """An empty protected list, and operators who are not elevated, are findings."""
    terms = surgery.settings().terms
    recovery = replace(terms.recovery, elevated_groups=frozenset())
    bare = replace(terms, protected_people=frozenset(), protected_groups=frozenset(), recovery=recovery)
    assert await surgery.wrong(Part.SETTINGS, settings=surgery.settings(terms=bare)) == [
        "broken: nobody is protected",
        "broken: operators and owners are not elevated",
    ]


async def test_a_pause_is_named(surgery: Surgery) -> None:
    """Who stopped the passes, since when and why is said."""
    from ops.services import connected  # noqa: PLC0415 - the switch is the command's own

    settings = surgery.settings()
    async with connected(settings, surgery.desk.clock()) as services:
        await services.ledger.pause(Pause(by="eve", at=surgery.desk.clock(), why="drill"))
        try:
            (found,) = await surgery.wrong(Part.PAUSE)
        finally:
            await services.ledger.resume()
    assert found.startswith("broken: Passdesk is paused: by eve, since ")
    assert found.endswith(": drill")


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(minutes=-5)])
async def test_a_wrong_clock_is_named(surgery: Surgery, ahead: timedelta) -> None:
    """A clock that differs from that of every service is wrong, fast or slow."""
    found = await surgery.wrong(Part.CLOCK, ahead=ahead)
    services = [text.partition("that of ")[2].partition(" differ")[0] for text in found]
    assert services == ["Graph", "the vault", "the ledger"]
    assert all(text.startswith("broken") for text in found)


async def test_a_service_without_an_answer_leaves_the_clock_unchecked(surgery: Surgery) -> None:
    """What did not say what time it is does not count as right."""
    silent = surgery.settings(vault_url="https://localhost:1")
    assert await surgery.wrong(Part.CLOCK, settings=silent) == ["unchecked: the vault did not tell its time"]


# -- the directory -------------------------------------------------------------------------------------------------


async def test_a_role_that_is_missing_is_named(surgery: Surgery) -> None:
    """A token without a role that is needed."""
    surgery.desk.identities.withhold("issuer", "User.Read.All")
    try:
        assert await surgery.wrong(Part.ROLES) == ["broken: missing on Microsoft Graph: User.Read.All"]
    finally:
        surgery.desk.identities.grant("issuer", "User.Read.All")


async def test_a_role_too_many_is_named(surgery: Surgery, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with a role for what is switched off, and a courier that could read people."""
    terms = surgery.settings().terms
    calm = replace(terms, recovery=replace(terms.recovery, completion=CompletionTerms()))
    (found,) = await surgery.wrong(Part.ROLES, settings=surgery.settings(terms=calm))
    assert found.startswith(
        "broken: too many on Microsoft Graph: User.RevokeSessions.All, UserAuthMethod-MicrosoftAuth"
    )
    known = surgery.desk.identities._identities
    monkeypatch.setitem(known, COURIER.client_id, replace(COURIER, graph=frozenset({"Mail.Send", "User.Read.All"})))
    courier = await surgery.wrong(Part.ROLES, role="courier")
    assert courier == ["broken: too many on Microsoft Graph: User.Read.All"]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy(enabled=False), ["broken: the policy is off"]),
        (Policy(include=()), ["broken: the policy includes nobody"]),
        (
            Policy(minimum_lifetime=30, maximum_lifetime=90),
            ["broken: 120 minutes, the lifetime of device-setup, lies outside the policy's limits"],
        ),
        (
            Policy(one_time_only=True),
            ["broken: the policy allows one-time passes only, and device-setup needs more than one use"],
        ),
    ],
    ids=["off", "nobody", "too short", "one-time"],
)
async def test_a_policy_that_does_not_fit_is_named(
    surgery: Surgery, monkeypatch: pytest.MonkeyPatch, policy: Policy, said: list[str]
) -> None:
    """Off, for nobody, or too narrow for one of our profiles."""
    monkeypatch.setattr(surgery.desk.directory.passes, "policy", policy)
    assert await surgery.wrong(Part.POLICY) == said


async def test_a_directory_that_is_unwell_leaves_the_policy_unchecked(surgery: Surgery) -> None:
    """A failure that may pass is no finding about the policy, and not well either."""
    surgery.desk.faults.order(parse("graph:tap-policy.get fail"))
    (found,) = await surgery.wrong(Part.POLICY)
    assert found.startswith("unchecked: graph.policy: try again")


async def test_a_mailbox_that_is_closed_to_us_or_not_there_is_named(
    surgery: Surgery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the way to tell recipients, passes expire unseen; finding it out sends nothing."""
    elsewhere = surgery.settings("courier", mailbox="nobody@contoso.com")
    assert await surgery.wrong(Part.NOTICES, settings=elsewhere) == ["broken: there is no such mailbox"]
    monkeypatch.setattr(surgery.desk.directory, "senders", frozenset({f"other-{MAILBOX}"}))
    assert await surgery.wrong(Part.NOTICES, role="courier") == ["broken: we may not send from the mailbox"]
    surgery.desk.identities.withhold("courier", "Mail.Send")
    try:
        assert await surgery.wrong(Part.NOTICES, role="courier") == ["broken: we may not send from the mailbox"]
    finally:
        surgery.desk.identities.grant("courier", "Mail.Send")
    assert len(surgery.desk.directory.outbox) == 0


# -- ledger, vault -------------------------------------------------------------------------------------------------


async def test_a_table_that_is_gone_is_named(surgery: Surgery) -> None:
    """A ledger with a table missing."""
    surgery.desk.ledger.delete_table("due")
    try:
        assert await surgery.wrong(Part.LEDGER) == ["broken: there is no table due"]
    finally:
        surgery.desk.ledger.create_table("due")


async def test_rights_on_tables_too_few_and_too_many_are_named(surgery: Surgery, grants: Grants) -> None:
    """A table that cannot be written, and one that can but must not be."""
    grants.change(ISSUER, tables={"requests": "write", "due": "read", "handovers": "write"})
    assert await surgery.wrong(Part.LEDGER) == [
        "broken: missing on the table due: write",
        "broken: too many on the table handovers: write",
    ]
    grants.change(COURIER, tables={"requests": "write", "handovers": "write", "due": "read"})
    assert await surgery.wrong(Part.LEDGER, role="courier") == [
        "broken: too many on the table requests: write",
        "broken: too many on the table due: read",
    ]


async def test_rights_on_secrets_too_few_and_too_many_are_named(surgery: Surgery, grants: Grants) -> None:
    """The issuer never reads or lists; the courier never sets; and each can do its work."""
    held = ISSUER.vault | {SECRETS.format("getSecret"), SECRETS.format("readMetadata")}
    grants.change(ISSUER, vault=held - {SECRETS.format("purge")})
    assert await surgery.wrong(Part.VAULT) == [
        "broken: missing on secrets: purge",
        "broken: too many on secrets: get, list",
    ]
    grants.change(ISSUER, vault=ISSUER.vault)
    await surgery.look(Part.VAULT)
    grants.change(COURIER, vault=frozenset({SECRETS.format("setSecret"), "secrets/delete"}))
    assert await surgery.wrong(Part.VAULT, role="courier") == [
        "broken: missing on secrets: get",
        "broken: too many on secrets: set",
    ]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (VaultSettings(purge_protection=True), ["broken: purge protection is on"]),
        (VaultSettings(retention=90 * DAY), ["broken: deleted secrets are kept for 90 days, not 7"]),
    ],
    ids=["purge protection", "retention"],
)
async def test_a_vault_that_was_made_otherwise_is_named(
    surgery: Surgery, monkeypatch: pytest.MonkeyPatch, made: VaultSettings, said: list[str]
) -> None:
    """What a vault keeps after a deletion is ours to know."""
    monkeypatch.setattr(surgery.desk.vault, "settings", made)
    assert await surgery.wrong(Part.VAULT) == said


# -- the bus -------------------------------------------------------------------------------------------------------


async def test_rights_on_the_bus_too_few_and_too_many_are_named(surgery: Surgery, grants: Grants) -> None:
    """A queue that cannot be worked on, one that cannot be sent to, and one that a captured courier could use."""
    grants.change(ISSUER, queues={**ISSUER.queues, "joiners": frozenset(), "security": frozenset()})
    assert await surgery.wrong(Part.BUS) == [
        "broken: missing on joiners: receive",
        "broken: missing on security: send",
    ]
    grants.change(COURIER, queues={**COURIER.queues, "requests": frozenset({"send"})})
    assert await surgery.wrong(Part.BUS, role="courier") == ["broken: too many on requests: send"]


async def test_a_round_trip_that_fails_is_named(surgery: Surgery, grants: Grants) -> None:
    """An issuer that cannot send itself a wake-up cannot do anything."""
    grants.change(ISSUER, queues={**ISSUER.queues, "requests": frozenset({"receive"})})
    (found,) = await surgery.wrong(Part.BUS)
    assert found.startswith("broken: refused: bus.requests")


async def test_an_entity_that_is_not_there_is_named(surgery: Surgery) -> None:
    """A setting that names a queue that nobody made."""
    names = replace(surgery.settings().entities, tickets="ticket")
    assert await surgery.wrong(Part.BUS, Part.QUEUES, settings=surgery.settings(entities=names)) == [
        "broken: there is no tickets",
        "broken: there is no tickets",
    ]


@pytest.mark.parametrize(
    ("queue", "change", "said"),
    [
        ("requests", {"requires_session": False}, "requests: sessions is False, not True"),
        ("joiners", {"lock": timedelta(seconds=5)}, "joiners: lock is 0:00:05, not 0:01:00"),
        ("tickets", {"max_delivery": 1}, "tickets: deliveries is 1, not 10"),
        ("asks", {"time_to_live": 14 * DAY}, "asks: lives is 14 days, 0:00:00, not 1:00:00"),
        ("deliveries", {"dead_letter_on_expiry": False}, "deliveries: dead_letters_expired is False, not True"),
        ("requests", {"duplicate_window": 10 * DAY}, "requests: drops_duplicates is True, not False"),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" not in value else "",
)
async def test_a_queue_that_is_set_up_otherwise_is_named(
    surgery: Surgery, monkeypatch: pytest.MonkeyPatch, queue: str, change: dict[str, Any], said: str
) -> None:
    """Each of the settings that the code relies on."""
    there = surgery.desk.bus._queues[queue]
    monkeypatch.setattr(there, "settings", replace(there.settings, **change))
    assert await surgery.wrong(Part.QUEUES) == [f"broken: {said}"]


async def test_who_may_not_manage_leaves_the_queues_unchecked(surgery: Surgery, grants: Grants) -> None:
    """An app has no such right, and must not: then it is said, and never green."""
    grants.change(MANAGER, queues={})
    assert await surgery.wrong(Part.QUEUES) == ["unchecked: settings of queues may not be read"]


# -- the page ------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def door(answer: Any) -> AsyncIterator[str]:
    """Serve every path by `answer`; yield the address."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def our_page(_: web.Request) -> web.Response:
    """Be the app without the platform in front of it."""
    return web.Response(status=401, headers={"Content-Security-Policy": "default-src 'none'"})


async def believes_headers(request: web.Request) -> web.Response:
    """Be a platform that lets everybody through who brings a token's header."""
    if "X-MS-TOKEN-AAD-ID-TOKEN" in request.headers:
        return await our_page(request)
    return web.Response(status=302, headers={"Location": "/.auth/login/aad"})


async def something_else(_: web.Request) -> web.Response:
    """Be an address where no page is."""
    return web.Response(status=404)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            our_page,
            [
                "broken: a caller without a sign-in reaches the app",
                "broken: a caller with forged headers reaches the app",
            ],
        ),
        (believes_headers, ["broken: a caller with forged headers reaches the app"]),
        (
            something_else,
            [
                "broken: a caller without a sign-in gets neither a sign-in nor our page",
                "broken: a caller with forged headers gets neither a sign-in nor our page",
            ],
        ),
    ],
    ids=["no platform", "forged headers", "no page"],
)
async def test_a_page_that_is_open_or_not_there_is_named(surgery: Surgery, answer: Any, said: list[str]) -> None:
    """The platform stands before the page and its headers cannot be forged."""
    async with door(answer) as address:
        assert await surgery.wrong(Part.PAGE, settings=surgery.settings("courier", page_url=address)) == said


async def test_a_page_that_nobody_serves_is_named(surgery: Surgery) -> None:
    """The desk of these tests runs no courier."""
    assert len(await surgery.wrong(Part.PAGE, role="courier")) == 2


# -- as a person, and what is told ---------------------------------------------------------------------------------


async def test_a_person_is_told_what_they_cannot_see(surgery: Surgery, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a person's sign-in the app's own rights are not tried, and not called well."""
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    monkeypatch.setenv("PATH", "")  # no `az` here: no sign-in either
    found = await surgery.look(Part.ROLES, Part.VAULT, Part.BUS, Part.QUEUES, Part.LEDGER, Part.POLICY)
    assert {one.health for one in found} == {Health.UNCHECKED}
    assert {one.part for one in found} == {Part.ROLES, Part.VAULT, Part.BUS, Part.QUEUES, Part.LEDGER, Part.POLICY}


async def test_the_exit_code_tells_well_broken_and_unchecked(surgery: Surgery) -> None:
    """A break outweighs what could not be looked at, and both outweigh what is well."""
    ok, broken, unchecked = (health.Diagnosis(Part.CLOCK, each, "x") for each in Health)
    for found, code in (((ok,), 0), ((ok, broken, unchecked), 1), ((ok, unchecked), 2)):
        document = doctor.describe({"issuer": found})
        assert doctor.CODES[Health(document["health"])] == code
        assert doctor.merged([document, doctor.describe({"courier": (ok,)})])["health"] == document["health"]
    text = doctor.render(doctor.describe({"issuer": (ok, broken)}), as_json=False)
    assert text.splitlines() == ["issuer:", "  ok   clock: x", "  BAD  clock: x", "something is broken"]
    said, code = await doctor.run(surgery.settings("courier"), as_json=True)
    assert (json.loads(said)["health"], code) == ("broken", 1)  # there is no page here


# -- one truth -----------------------------------------------------------------------------------------------------


async def test_what_is_needed_is_what_is_granted(surgery: Surgery) -> None:
    """The product's own short list of rights is that of the desk, and so that of infra/ (tests/infra)."""
    words = {
        "setSecret/action": "set",
        "getSecret/action": "get",
        "readMetadata/action": "list",
        "delete": "delete",
        "purge/action": "purge",
    }
    for who in (ISSUER, COURIER):
        assert {words[action.removeprefix("secrets/")] for action in who.vault} == health.VAULT_RIGHTS[who.name]
        for table, wanted in health.TABLE_RIGHTS[who.name].items():
            held = who.on_table(table)
            assert (held | {"read"} if "write" in held else held) == wanted
        for entity, wanted in health.BUS_RIGHTS[who.name].items():
            assert who.on_queue(entity) == wanted
    full = surgery.settings().terms
    assert health.graph_roles("issuer", full, sign_ins=True) == ISSUER.graph
    least = replace(full, recovery=replace(full.recovery, completion=CompletionTerms(), phone_quiet=0 * DAY))
    least = replace(least, recovery=replace(least.recovery, manager_quiet=0 * DAY))
    assert health.graph_roles("issuer", least, sign_ins=False) == rights.ISSUING
    assert health.graph_roles("issuer", least, sign_ins=True) == rights.ISSUING | rights.AUDIT


async def test_queues_are_expected_as_they_are_made(surgery: Surgery) -> None:
    """What the doctor expects of queues is what the desk's are, and so what infra/'s are (tests/infra)."""
    for key, wanted in health.QUEUES.items():
        there = surgery.desk.bus.settings(key)
        assert wanted == health.QueueSettings(
            sessions=there.requires_session,
            lock=there.lock,
            deliveries=there.max_delivery or 0,
            lives=there.time_to_live or timedelta.max,
            dead_letters_expired=there.dead_letter_on_expiry,
            drops_duplicates=there.duplicate_window is not None,
        )

"""What every client of Microsoft's must find in the vault, each with its own managed identity."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from local import rights
from local.ca import Certificates
from local.faults import Fault, Kind
from local.vault.records import Settings
from tests.referees.node import Unavailable
from tests.referees.program import Program
from tests.vault.conftest import ANY, LACKING, OFFICER, Connect, Desk
from tests.vault.driver_javascript import JavaScriptClient
from tests.vault.drivers import Client, VaultRefused, Written

pytestmark = pytest.mark.referee("vault")
NOT_FOUND = (404, "SecretNotFound", None)


async def refusal(call: Awaitable[object]) -> tuple[int | None, str | None, str | None]:
    """Return how a call is refused: status, code, inner code."""
    with pytest.raises(VaultRefused) as caught:
        await call
    return caught.value.status, caught.value.code, caught.value.inner


async def test_a_secret_lives_and_goes(desk: Desk, connect: Connect) -> None:
    """Set, read, change, list, delete, recover, delete and purge: all by the SDK, with what was said kept."""
    expires = datetime(2026, 12, 1, 9, tzinfo=UTC)
    client = await connect(OFFICER)
    made = await client.set("pass-1", "Zx9#", Written("passcode", {"request": "r1"}, expires=expires))
    assert made.version
    read = await client.get("pass-1")
    assert (read.value, read.content_type, read.tags) == ("Zx9#", "passcode", {"request": "r1"})
    assert (read.expires, read.not_before, read.enabled) == (expires, None, True)
    assert (read.recoverable_days, read.recovery_level) == (7, "CustomizedRecoverable+Purgeable")
    changed = await client.update("pass-1", Written(tags={"request": "r2"}))
    assert (changed.version, changed.tags, changed.expires) == (made.version, {"request": "r2"}, expires)
    (listed,) = await client.all()
    assert (listed.name, listed.tags, listed.content_type) == ("pass-1", {"request": "r2"}, "passcode")
    assert not listed.version
    assert [one.version for one in await client.versions("pass-1")] == [made.version]
    await client.delete("pass-1")
    assert await refusal(client.get("pass-1")) == NOT_FOUND
    await client.recover("pass-1")
    assert (await client.get("pass-1")).value == "Zx9#"
    deleted = await client.delete("pass-1")
    assert deleted.deleted is not None
    assert deleted.purges is not None
    assert deleted.purges - deleted.deleted == timedelta(days=7)
    assert (await client.get_deleted("pass-1")).tags == {"request": "r2"}
    assert [one.name for one in await client.list_deleted()] == ["pass-1"]
    assert await refusal(client.set("pass-1", "x")) == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    await client.purge("pass-1")
    assert await client.list_deleted() == []
    assert await refusal(client.get("pass-1")) == NOT_FOUND
    assert await refusal(client.purge("pass-1")) == NOT_FOUND
    assert desk.vault.snapshot() == ()


async def test_versions_are_told_apart(desk: Desk, connect: Connect) -> None:
    """A second set is a second version; each is read and changed by its id, and one that is disabled is not read."""
    client = await connect(OFFICER)
    first = await client.set("pass-1", "one")
    second = await client.set("pass-1", "two")
    assert {one.version for one in await client.versions("pass-1")} == {first.version, second.version}
    assert (await client.get("pass-1", first.version)).value == "one"
    assert (await client.get("pass-1")).value == "two"
    await client.update("pass-1", Written(enabled=False), first.version)
    assert await refusal(client.get("pass-1", first.version)) == (403, "Forbidden", "SecretDisabled")
    assert await refusal(client.get("pass-1", "0" * 32)) == NOT_FOUND
    assert desk.vault.peek_value("pass-1") == "two"


@pytest.mark.parametrize("value", ["", "ü\U0001f511", 'a\nb"c\\', "x" * 25_600])
async def test_any_text_is_kept(desk: Desk, connect: Connect, value: str) -> None:
    """Empty, beyond ASCII, with quotes, and of the largest size: byte for byte."""
    client = await connect(OFFICER)
    assert (await client.set("pass-1", value)).value == value
    assert (await client.get("pass-1")).value == value == desk.vault.peek_value("pass-1")


@pytest.mark.parametrize(("name", "value"), [("pass-1", "x" * 25_601), ("p" * 128, "x"), ("a_b", "x")])
async def test_what_is_no_secret_is_refused(desk: Desk, connect: Connect, name: str, value: str) -> None:
    """A value, a name too long, or a name of other characters: 400, and nothing is stored."""
    status, code, _ = await refusal((await connect(OFFICER)).set(name, value))
    assert (status, code) == (400, "BadParameter")
    assert desk.vault.snapshot() == ()


async def test_times_inform_and_block_nothing(desk: Desk, connect: Connect) -> None:
    """A secret is read before its start and after its end, and both come back as they were said."""
    # Not later: the JavaScript client reads seconds as 32 bits.
    start, end = datetime(2038, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
    client = await connect(OFFICER)
    await client.set("early", "v", Written(not_before=start))
    await client.set("late", "v", Written(expires=end))
    assert (await client.get("early")).not_before == start
    assert (await client.get("late")).expires == end
    assert len(desk.vault.snapshot()) == 2


async def test_every_page_is_followed(desk: Desk, connect: Connect) -> None:
    """The client walks all pages by the links it is given, whoever makes them small."""
    for number in range(7):
        desk.vault.set(f"pass-{number}", "v")
    names = [f"pass-{number}" for number in range(7)]
    client = await connect(OFFICER)
    assert await client.pages(3) == [names[:3], names[3:6], names[6:]]
    desk.vault.settings = Settings(page_size=2)
    assert [one.name for one in await client.all()] == names
    assert [len(page) for page in await client.pages(25)] == [2, 2, 2, 1]


async def test_a_deletion_that_takes_time_is_waited_for(desk: Desk, connect: Connect) -> None:
    """The client asks until the secret is among the deleted; meanwhile its name is busy."""
    desk.vault.settings = Settings(deletion_takes=timedelta(seconds=1))
    client = await connect(OFFICER)
    await client.set("pass-1", "v")
    desk.vault.delete("pass-1")
    assert await refusal(client.set("pass-1", "x")) == (409, "Conflict", "ObjectIsBeingDeleted")
    await client.set("pass-2", "v")
    assert (await client.delete("pass-2")).name == "pass-2"
    assert "pass-2" in [one.name for one in await client.list_deleted()]


async def test_purge_protection_is_said(desk: Desk, connect: Connect) -> None:
    """Where it is on, a purge is refused for good, and the level says so."""
    desk.vault.settings = Settings(purge_protection=True)
    client = await connect(OFFICER)
    assert (await client.set("pass-1", "v")).recovery_level == "CustomizedRecoverable"
    await client.delete("pass-1")
    assert await refusal(client.purge("pass-1")) == (403, "Forbidden", "ForbiddenByPolicy")


type _Call = Callable[[Client], Awaitable[object]]

_CALLS: list[tuple[str, str, _Call]] = [
    ("set", "secrets/setSecret/action", lambda c: c.set("live", "x")),
    ("get", "secrets/getSecret/action", lambda c: c.get("live")),
    ("list", "secrets/readMetadata/action", lambda c: c.all()),
    ("list-versions", "secrets/readMetadata/action", lambda c: c.versions("live")),
    ("list-deleted", "secrets/readMetadata/action", lambda c: c.list_deleted()),
    ("get-deleted", "secrets/readMetadata/action", lambda c: c.get_deleted("gone")),
    ("update", "secrets/update/action", lambda c: c.update("live", Written(enabled=False))),
    ("delete", "secrets/delete", lambda c: c.delete("live")),
    ("recover", "secrets/recover/action", lambda c: c.recover("gone")),
    ("purge", "secrets/purge/action", lambda c: c.purge("gone")),
]


@pytest.mark.parametrize(("operation", "action", "call"), _CALLS)
async def test_each_missing_right_is_refused(
    desk: Desk, connect: Connect, operation: str, action: str, call: _Call
) -> None:
    """Without its data action a call is 403 ForbiddenByRbac and changes nothing; with all the others it is no help."""
    desk.vault.set("live", "v")
    desk.vault.set("gone", "v")
    desk.vault.delete("gone")
    before = desk.vault.snapshot()
    status, code, inner = await refusal(call(await connect(LACKING[action])))
    assert (status, code) == (403, "Forbidden")
    # The JavaScript client's listings tell status and code, and drop the code within.
    assert inner == "ForbiddenByRbac" or (operation.startswith("list") and inner is None)
    assert desk.vault.snapshot() == before
    await call(await connect(OFFICER))


@pytest.mark.parametrize("version", ["7.0", "7.6", "2025-07-01", "2026-04-01"])
async def test_known_versions_are_served(desk: Desk, connect: Connect, version: str) -> None:
    """All versions that today's SDKs ask for are answered."""
    client = await connect(OFFICER, api_version=version)
    assert (await client.set("a", "v")).value == "v"
    assert desk.vault.peek_value("a") == "v"


async def test_a_busy_moment_is_got_over(desk: Desk, connect: Connect) -> None:
    """One 429 and one 503 are retried by the client itself; with its retries off it says which it was."""
    client = await connect(OFFICER)
    for kind in (Kind.THROTTLE, Kind.FAIL):
        desk.faults.order(Fault("vault", "set", kind, seconds=0))
        assert (await client.set("a", "v")).value == "v"
    impatient = await connect(OFFICER, retries=0)
    for kind, status, code in ((Kind.THROTTLE, 429, "Throttled"), (Kind.FAIL, 503, "ServiceUnavailable")):
        desk.faults.order(Fault("vault", "get", kind, seconds=0))
        assert await refusal(impatient.get("a")) == (status, code, None)


async def test_an_unknown_identity_gets_no_token(desk: Desk, connect: Connect) -> None:
    """A client whose identity the machine does not have fails at the credential, before the vault."""
    stranger = rights.Identity(name="stranger", vault=OFFICER.vault)
    status, _, _ = await refusal((await connect(stranger, retries=0)).get("a"))
    assert status is None
    assert desk.vault.snapshot() == ()


async def test_the_javascript_identity_gets_its_token(desk: Desk, certificates: Certificates) -> None:
    """The unmodified ManagedIdentityCredential of @azure/identity finds the endpoint as in an app of Azure's."""
    try:
        program = Program("vault.mjs", {"NODE_EXTRA_CA_CERTS": str(certificates.ca)})
    except Unavailable as reason:
        pytest.skip(str(reason))
    told = {"url": desk.wire.url, "clientId": OFFICER.client_id, "endpoint": desk.msi.endpoint, "header": ANY}
    client = await JavaScriptClient.connect(program, **told, retries=0, managed=True)
    assert (await client.set("a", "v")).value == "v"
    program.close()
    assert desk.vault.peek_value("a") == "v"

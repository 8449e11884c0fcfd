"""`make contract-azure`: it runs against whatever the environment names, or says what is missing and makes nothing."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from local import rights
from local.ca import Certificates
from local.faults import Fault, Kind
from local.habits import Habits
from local.tokens import Signer
from tests.contract import stage
from tests.contract.journal import Journal
from tests.contract.questions import QUESTIONS
from tests.contract.settings import REQUIRED, Incomplete, Settings, read

ROOT = Path(__file__).parents[2]
# What a process of another machine would not have: the desk's names and authority, by `local.trust`.
AS_AZURE = """
import json, sys
from local import trust
trust.install(sys.argv[1], {(sys.argv[2], 5671): ("127.0.0.1", int(sys.argv[3]))})
from tests.contract.__main__ import main
sys.exit(main(json.loads(sys.argv[4])))
"""
_OTHERS = ("CONTRACT_", "AZURE_", "IDENTITY_", "MSI_")


def clean(environ: dict[str, str]) -> dict[str, str]:
    """Return an environment without anything that would name a service or an identity."""
    return {k: v for k, v in environ.items() if not k.startswith(_OTHERS)}


def named(settings: Settings) -> dict[str, str]:
    """Return settings as a person would export them."""
    return {
        "CONTRACT_TENANT_ID": settings.tenant_id,
        "CONTRACT_USER_DOMAIN": settings.user_domain,
        "CONTRACT_BUS_NAMESPACE": settings.bus_namespace,
        "CONTRACT_VAULT_URL": settings.vault_url,
        "CONTRACT_TABLES_URL": settings.tables_url,
        "CONTRACT_GRAPH_URL": settings.graph_url,
        "CONTRACT_EXCLUDED_GROUP_ID": settings.excluded_group_id or "",
        "CONTRACT_JOURNAL": str(settings.journal),
    }


@pytest.fixture
async def desk(signer: Signer, certificates: Certificates, operator: rights.Identity) -> AsyncIterator[stage.Stage]:
    """Return the desk, running in this process."""
    assert operator in rights.IDENTITIES
    async with AsyncExitStack() as stack:
        yield await stage.start(stack, certificates, signer)


async def run(desk: stage.Stage, settings: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run the entry in a process of its own, with the environment that Azure would set; return code and outputs."""
    environment = clean(dict(os.environ)) | settings
    environment |= {
        "SSL_CERT_FILE": str(desk.certificates.ca),
        "IDENTITY_ENDPOINT": desk.identity_wire.endpoint,
        "IDENTITY_HEADER": stage.HEADER,
        "AZURE_CLIENT_ID": stage.OPERATOR.client_id,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
    }
    (host, _), (_, port) = next(iter(desk.servers.items()))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", AS_AZURE, str(desk.certificates.ca), host, str(port), json.dumps(arguments)),
        cwd=ROOT,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, failed = await asyncio.wait_for(process.communicate(), 110)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, told.decode(), failed.decode()


@pytest.mark.e2e
async def test_the_entry_runs_and_leaves_nothing_behind(desk: stage.Stage, tmp_path: Path) -> None:
    """Every suite against the desk as if it were Azure, by azure-identity's own credential; every question answered.

    Of the bus two scenes, for the SDK takes a second for each link; the suites as tests of their own play it whole.
    """
    settings = desk.settings(tmp_path / "made.jsonl")
    before = {p.object_id for p in desk.directory.people()}
    journal = Journal(settings.journal)
    journal.made("secret", "pdc0-left-behind")
    journal.made("table", "pdc0leftbehind")
    desk.vault.set("pdc0-left-behind", "of a run that was killed")
    desk.ledger.create_table("pdc0leftbehind")
    code, told, failed = await run(desk, named(settings), "-k", "not test_bus or arrives or without_an_id")
    assert code == 0, told[-3000:] + failed[-2000:]
    assert " failed" not in told
    assert " skipped" not in told
    for key in QUESTIONS:
        assert f"\n{key}: " in told
    assert "NOT ANSWERED" not in told
    assert "live-pass: a create over a live pass: replaced (201)" in told
    assert {p.object_id for p in desk.directory.people()} == before
    assert desk.directory.deleted == {}
    assert desk.vault.snapshot() == ()
    assert [t for t in desk.ledger.list_tables() if t.startswith("pdc")] == []
    assert all(journal.left(what) == () for what in ("account", "account-id", "secret", "table"))
    assert not any(minted.passcode in told + failed for minted in desk.directory.minted)


@pytest.mark.e2e
async def test_a_tenant_of_other_habits_is_told_as_it_is(desk: stage.Stage, tmp_path: Path) -> None:
    """The promises hold either way, and the answers say which way it was; `-k` narrows a run to one service."""
    passes = desk.directory.passes
    passes.habits = Habits(replace_live=False, refuse_out_of_scope=False)
    passes.policy = replace(passes.policy, one_time_only=True)
    desk.faults.order(Fault("graph", "tap.list", Kind.THROTTLE, count=9999, seconds=0, probability=0.4))
    code, told, failed = await run(desk, named(desk.settings(tmp_path / "made.jsonl")), "-k", "test_directory")
    assert code == 0, told[-3000:] + failed[-2000:]
    for line in (
        "live-pass: a create over a live pass: refused (400 badRequest",
        "out-of-scope: a create out of the policy's scope: made (DisabledByPolicy)",
        "one-time-policy: multi-use under a one-time policy: 400 badRequest",
        "table-again: a table of the name of one just dropped: NOT ANSWERED",
    ):
        assert line in told
    assert re.search(r"five-in-ten: .*: [1-8] of 8 throttled \(", told)


@pytest.mark.e2e
async def test_a_run_of_no_test_is_no_success(desk: stage.Stage, tmp_path: Path) -> None:
    """Exit 1: a promise that was not asked about did not hold."""
    code, _, _ = await run(desk, named(desk.settings(tmp_path / "made.jsonl")), "-k", "nothing_of_this_name")
    assert code == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"CONTRACT_TENANT_ID": "00000000-0000-4000-8000-000000000000"}, "not of CONTRACT_TENANT_ID"),
        ({"CONTRACT_VAULT_URL": "https://127.0.0.1:9"}, "CONTRACT_VAULT_URL: "),
    ],
)
@pytest.mark.e2e
async def test_what_cannot_be_reached_stops_the_run_before_it_begins(
    desk: stage.Stage, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    """Another tenant's credential, a vault that is not there: exit 2, and nothing was made anywhere."""
    before = {p.object_id for p in desk.directory.people()}
    settings = desk.settings(tmp_path / "made.jsonl")
    code, told, failed = await run(desk, named(settings) | change)
    assert (code, said in failed) == (2, True), failed[-2000:]
    assert told == ""
    assert not settings.journal.exists()
    assert {p.object_id for p in desk.directory.people()} == before


async def test_without_settings_it_says_everything_that_is_missing(tmp_path: Path) -> None:
    """Exit 2, one line for each, and no test is even collected."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.contract"),
        cwd=ROOT,
        env=clean(dict(os.environ)) | {"CONTRACT_VAULT_URL": "http://no-tls", "CONTRACT_JOURNAL": str(tmp_path / "j")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, failed = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, told) == (2, b"")
    lines = failed.decode().splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(REQUIRED)
    assert not (tmp_path / "j").exists()


def test_settings_are_read_as_they_stand() -> None:
    """Whole settings are taken; a form that is wrong is named; an empty option is none."""
    whole = {
        "CONTRACT_TENANT_ID": "7F3C1F0E-5a52-4c0b-9d4e-1b7a3c9e2d10",
        "CONTRACT_USER_DOMAIN": "contoso.onmicrosoft.com",
        "CONTRACT_BUS_NAMESPACE": "ns.servicebus.windows.net",
        "CONTRACT_VAULT_URL": "https://v.vault.azure.net",
        "CONTRACT_TABLES_URL": "https://s.table.core.windows.net",
        "CONTRACT_EXCLUDED_GROUP_ID": "",
    }
    found = read(whole)
    assert (found.tenant_id, found.excluded_group_id) == ("7f3c1f0e-5a52-4c0b-9d4e-1b7a3c9e2d10", None)
    assert found.graph_url == "https://graph.microsoft.com/v1.0"
    assert read(whole).run != found.run
    with pytest.raises(Incomplete) as raised:
        read(whole | {"CONTRACT_TENANT_ID": "contoso", "CONTRACT_GRAPH_URL": "graph"})
    assert [p.split()[0] for p in raised.value.problems] == ["CONTRACT_TENANT_ID", "CONTRACT_GRAPH_URL"]

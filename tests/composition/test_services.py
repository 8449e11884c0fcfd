"""The composition root: from nothing but settings, each role reaches every system, as its own identity."""

import gc
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from local import ca, trust
from local.bus.amqp import BusWire
from local.bus.config import load
from local.bus.model import Bus
from local.clock import utc_now
from local.directory.model import Directory
from local.directory.tenant import MAILBOX, contoso, person_id
from local.directory.wire import DirectoryWire
from local.faults import Faults
from local.identity.model import ManagedIdentities
from local.identity.wire import ManagedIdentityWire
from local.ledger.model import Ledger
from local.ledger.wire import LedgerWire
from local.rights import COURIER, ISSUER, Identity
from local.tokens import TENANT_ID, Signer
from local.vault.model import Vault
from local.vault.wire import VaultWire
from shared import composition
from shared.adapters.bus import Senders
from shared.domain.fates import GiveUp, TryLater
from shared.domain.handovers import Handover
from shared.domain.messages import Ask, WakeUp
from shared.domain.orders import Order, ProfileName, Purpose
from shared.domain.passcode import IdToken
from shared.domain.people import Person, Resolved
from shared.domain.requests import Recipient, accept
from tests.composition.test_settings import ENOUGH

HOUR = timedelta(hours=1)
HEADER = "a secret of this app"
REQUEST_ID = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"


@dataclass
class Desk:
    """Every stand-in, and the environment that leads to them."""

    bus: Bus
    directory: Directory
    ledger: Ledger
    vault: Vault
    environment: dict[str, str]

    def be(self, identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make this process the app of one identity."""
        for name, value in {
            **self.environment,
            "PASSDESK_ROLE": identity.name,
            "PASSDESK_CLIENT_ID": identity.client_id,
        }.items():
            monkeypatch.setenv(name, value)
        forget()


def forget() -> None:
    """Forget what this process composed."""
    for made in (
        composition.settings,
        composition.gates,
        composition.issuer_services,
        composition.courier_services,
    ):
        made.cache_clear()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Leave nothing to the next test."""
    yield
    forget()


@pytest.fixture
async def desk(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Run everything, and let this process find and trust it as a process of the desk does."""
    certificates, signer, faults = ca.make(tmp_path), Signer(), Faults()
    tls = certificates.server_context
    # A process of the desk starts with SSL_CERT_FILE; this one has read its trust already.
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(certificates.ca)
    bus, directory, ledger, vault = Bus(load(), utc_now), contoso(utc_now, seed=7), Ledger(utc_now), Vault(utc_now)
    for table in ("requests", "due", "handovers"):
        ledger.create_table(table)
    bus_wire = BusWire(bus, signer=signer, clock=utc_now, faults=faults, sas_keys={})
    await bus_wire.start(ssl_context=tls())
    graph, tables, secrets = (
        DirectoryWire(directory, signer, faults),
        LedgerWire(ledger, signer, faults, tls()),
        VaultWire(vault, signer, faults, tls()),
    )
    for wire in (graph, tables, secrets):
        await wire.start()
    origin = graph.base_url.removesuffix("/v1.0")
    identities = ManagedIdentities(
        signer,
        headers={HEADER: [ISSUER.client_id, COURIER.client_id]},
        any_header="nobody's",
        resources=["https://storage.azure.com", secrets.resource, "https://servicebus.azure.net"],
        graph_resources=[origin],
    )
    identity = ManagedIdentityWire(identities, faults)
    await identity.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", identity.endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    undo = trust.install(str(certificates.ca), {("*.servicebus.localhost", 5671): ("127.0.0.1", bus_wire.tls_port)})
    yield Desk(
        bus,
        directory,
        ledger,
        vault,
        {
            **ENOUGH,
            "PASSDESK_TENANT_ID": TENANT_ID,
            "PASSDESK_BUS__fullyQualifiedNamespace": "passdesk.servicebus.localhost",
            "PASSDESK_VAULT_URL": secrets.url,
            "PASSDESK_LEDGER_URL": f"https://localhost:{tables.port}/passdesk",
            "PASSDESK_GRAPH_URL": graph.base_url,
            "PASSDESK_SIGN_IN_AUTHORITY": f"{origin}/nobody/v2.0",
            "PASSDESK_MAILBOX": MAILBOX,
        },
    )
    # What the product keeps for as long as its process lives, a test must close.
    for sender in [found for found in gc.get_objects() if isinstance(found, Senders)]:
        await sender.close()
    for session in [found for found in gc.get_objects() if isinstance(found, aiohttp.ClientSession)]:
        await session.close()
    undo()
    for stopping in (identity, graph, tables, secrets, bus_wire):
        await stopping.stop()


def order() -> Order:
    """Return an order for Ada."""
    now = utc_now()
    return Order(
        purpose=Purpose.JOINER,
        source="/hr/workday",
        event_id="7d1c",
        event_time=now,
        employee_id="10042",
        user_principal_name="ada@contoso.com",
        starts_at=now,
        profile=ProfileName.SIGN_IN,
        lifetime=None,
        one_time=True,
    )


async def test_the_issuer_reaches_everything(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directory, vault, ledger, bus and keys of the sign-in, each by the managed identity and its own address."""
    desk.be(ISSUER, monkeypatch)
    services = composition.issuer_services()
    assert composition.issuer_services() is services
    assert services.terms is composition.settings().terms
    assert composition.gates().joiners.queue == "joiners"
    ada = await services.directory.resolve("10042", "ada@contoso.com")
    assert ada == Resolved(person_id("ada"))
    assert isinstance((await services.directory.gather(person_id("ada"))).person, Person)
    made = await services.directory.create_pass(
        person_id("ada"), lifetime=HOUR, one_time=True, starts_at=None, call_id="call-1"
    )
    await services.vault.store("pass-1", made.passcode, expires=services.clock() + HOUR, tags={})
    assert desk.vault.get("pass-1").value == made.passcode.reveal()
    now = services.clock()
    stored = await services.ledger.insert(accept(order(), person_id("ada"), now, now + HOUR, now))
    assert await services.ledger.get(stored.request_id) == stored
    assert await services.handovers.get("r", "q") is None
    await services.bus.wake(WakeUp(REQUEST_ID, 1), "lane-000", None)
    assert desk.bus.counts("requests").active == 1
    with pytest.raises(TryLater):
        await services.callers.check(_token(), now=now, fresh_within=HOUR)


async def test_the_courier_reaches_everything_that_is_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to read, its own table, the vault, the asks, the mailbox: and no pass can be made."""
    desk.be(COURIER, monkeypatch)
    services = composition.courier_services()
    now = services.clock()
    handover = Handover("r", REQUEST_ID, 1, "Ada Lund", now, now + HOUR, "pass-1")
    assert await services.requests.get(REQUEST_ID) is None
    stored = await services.handovers.put(handover)
    assert [h async for h in services.handovers.waiting_for("r")] == [stored]
    desk.vault.set("pass-1", "x")
    assert await services.vault.read("pass-1") is None  # without an expiry it is none of ours
    await services.vault.delete("pass-1")
    await services.bus.ask(Ask(REQUEST_ID, "revealed", IdToken("t")))
    assert desk.bus.counts("asks").active == 1
    await services.notices.ready(Recipient("r", "Dana", "dana@contoso.com"), handover)
    (mail,) = desk.directory.outbox
    assert f"https://pass.contoso.com/handover/{REQUEST_ID}" in mail.body
    mint: Any = composition.issuer_services().directory
    with pytest.raises(GiveUp):
        await mint.create_pass(person_id("ada"), lifetime=HOUR, one_time=True, starts_at=None, call_id="c")
    assert desk.directory.minted == []


async def test_libraries_do_not_log_addresses(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker passes on everything at INFO, and there the SDKs would write down each call with its headers."""
    caplog.set_level(logging.INFO)
    for name in ("azure", "httpx", "msal"):
        caplog.set_level(logging.NOTSET, logger=name)
    desk.be(COURIER, monkeypatch)
    composition.courier_services()
    talkative = ("azure.core.pipeline.policies.http_logging_policy", "azure.servicebus", "azure.identity", "httpx")
    assert [name for name in talkative if logging.getLogger(name).isEnabledFor(logging.INFO)] == []


def _token() -> IdToken:
    """Return a token that is signed with a key of somebody's."""
    return IdToken(Signer().sign({"oid": "x"}))


def test_an_app_that_is_only_indexed_loads_no_sdk() -> None:
    """Importing the composition root costs what the domain costs; the SDKs come with the first use."""
    code = (
        "import sys, shared.composition; "
        "heavy = {'msgraph', 'azure.servicebus', 'azure.identity', 'azure.keyvault.secrets', 'azure.data.tables', "
        "'aiohttp', 'httpx', 'jwt', 'opentelemetry'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(  # noqa: S603 - our own interpreter, our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": "."}
    )
    assert run.stdout.strip() == "[]"


def test_bad_settings_stop_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is built on settings that are wrong."""
    for name in list(os.environ):
        if name.startswith("PASSDESK_"):
            monkeypatch.delenv(name)
    forget()
    with pytest.raises(composition.BadSettings, match="PASSDESK_ROLE"):
        composition.courier_services()

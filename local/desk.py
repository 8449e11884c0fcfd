"""The desk: all stand-ins in one process, under one clock, one signer and one order book of faults."""

import contextlib
import errno
import json
import os
import random
import socket
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local import ca, rights
from local.bus.administration import BusAdministration
from local.bus.amqp import BusWire
from local.bus.config import ENTITIES_FILE
from local.bus.config import load as load_entities
from local.bus.model import Bus
from local.calls import Calls
from local.clock import Clock, utc_now
from local.directory.budget import Limits, Size
from local.directory.model import Directory
from local.directory.tenant import contoso
from local.directory.wire import DirectoryWire
from local.fault_control import FaultControl
from local.faults import Faults
from local.habits import ASSUMED, Habits
from local.identity.model import ManagedIdentities
from local.identity.signin import SignIn
from local.identity.signin_wire import SignInWire
from local.identity.wire import ManagedIdentityWire
from local.ledger.model import Ledger
from local.ledger.wire import LedgerWire
from local.tokens import Signer
from local.vault.limits import DOCUMENTED
from local.vault.model import Vault
from local.vault.wire import VaultWire

SERVICES = ("identity", "bus", "vault", "graph", "tables")
TABLES = ("requests", "due", "handovers")
BUS_NAME = "passdesk.servicebus.localhost"
BUS_KEY_NAME = "RootManageSharedAccessKey"
PAGE_CLIENT_ID = "4f2d8f5e-8a3f-4a77-9d5f-6f4c1f0f7b11"
# Linux hands out ports from 32768 on, RFC 6335 and others from 49152.
_PORTS = range(20_000, 32_000)
_TRIES = 100
_CHANCE = random.SystemRandom()
_AZURE_MARKS = ("WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME", "CONTAINER_APP_NAME", "AZURE_CLIENT_SECRET")


class _Wire(Protocol):
    async def stop(self) -> None: ...


class NotHere(RuntimeError):
    """The desk was asked to start where it must not."""


def refuse_in_azure(environ: Collection[str]) -> None:
    """Raise NotHere where Azure's own variables are set: stand-ins have no business there."""
    found = sorted(set(_AZURE_MARKS) & set(environ))
    if found:
        msg = f"this looks like Azure ({', '.join(found)} is set): the stand-ins start on a desk only"
        raise NotHere(msg)


@dataclass(frozen=True, slots=True)
class DeskOptions:
    """What to start, and from what.

    throttled: keep the documented limits, for a tenant of that size. calls: a folder to note there what is called,
    with which rights. habits: where sources leave Azure open. remember: how many passcodes and former rows are kept
    for a search, None for all: a desk that stays up for days must not.
    """

    directory: Path
    only: tuple[str, ...] = SERVICES
    entities: Path = ENTITIES_FILE
    seed: int = 0
    throttled: Size | None = None
    calls: Path | None = None
    habits: Habits = ASSUMED
    remember: int | None = None

    @property
    def whole(self) -> bool:
        """Tell whether everything runs that the product's two apps need."""
        return set(self.only) >= set(SERVICES) and self.entities.resolve() == ENTITIES_FILE.resolve()

    @property
    def running(self) -> frozenset[str]:
        """Return what starts: what was named, and the identities when something runs that takes only their tokens."""
        return frozenset(self.only) | ({"identity"} if {"vault", "graph", "tables"} & set(self.only) else set())


class Desk:
    """All stand-ins, started and stopped together. Models are attributes: tests and the demo look at them."""

    def __init__(self, options: DeskOptions, clock: Clock = utc_now) -> None:
        self.options = options
        self.clock = clock
        self.signer = Signer()
        self.faults = Faults(options.seed)
        self.calls = Calls(options.calls)
        self.fault_control = FaultControl(self.faults)
        self.certificates = ca.make(options.directory / "tls")
        self.sas_key = os.urandom(24).hex()
        self.any_identity_header = os.urandom(24).hex()
        self.identity_headers = {i.name: os.urandom(24).hex() for i in rights.IDENTITIES}
        self.page_port = free_port()
        self.bus = Bus(load_entities(options.entities), clock)
        self.vault = Vault(clock)
        self.directory: Directory = contoso(clock, options.seed)
        if options.throttled is not None:
            self.directory.budget.limits = Limits.documented(options.throttled)
            self.vault.budget.limits = DOCUMENTED
        self.ledger = Ledger(clock, remember=options.remember)
        self.directory.passes.remember = options.remember
        self.people = SignIn(clock, self.directory.people)
        self.people.register(PAGE_CLIENT_ID, (f"{self.page_url}/.auth/login/aad/callback",))
        tls = self.certificates.server_context()
        self.bus_wire = BusWire(
            self.bus,
            signer=self.signer,
            clock=clock,
            faults=self.faults,
            sas_keys={BUS_KEY_NAME: self.sas_key},
            calls=self.calls,
        )
        self.bus_administration = BusAdministration(self.bus, self.signer, tls)
        self.vault_wire = VaultWire(self.vault, self.signer, self.faults, tls, calls=self.calls)
        self.directory_wire = DirectoryWire(self.directory, self.signer, self.faults, calls=self.calls)
        self.ledger_wire = LedgerWire(self.ledger, self.signer, self.faults, tls, calls=self.calls)
        self.sign_in_wire = SignInWire(self.people, self.faults, tls)
        self._started: list[_Wire] = []
        self.adopt(options.habits)

    def adopt(self, habits: Habits) -> None:
        """Let the stand-ins have these habits from now on."""
        self.directory.habits = habits
        self.vault_wire.habits = habits

    async def start(self) -> None:
        """Start what the options name; when one does not start, stop those that did."""
        for table in TABLES:
            self.ledger.create_table(table)
        try:
            await self._start(self.options.running)
        except BaseException:
            await self.stop()
            raise

    async def _start(self, running: Collection[str]) -> None:
        self._started.append(self.fault_control)
        await self.fault_control.start()
        if "bus" in running:
            self._started.append(self.bus_wire)
            await self.bus_wire.start()
            await self.bus_wire.start(ssl_context=self.certificates.server_context())
            if self.options.whole:  # it takes the tokens of identities, which the bus alone has none of
                self._started.append(self.bus_administration)
                await self.bus_administration.start()
        if "vault" in running:
            self._started.append(self.vault_wire)
            await self.vault_wire.start()
        if "graph" in running:
            self._started.append(self.directory_wire)
            await self.directory_wire.start()
        if "tables" in running:
            self._started.append(self.ledger_wire)
            await self.ledger_wire.start()
        if "identity" in running:
            await self._start_identity()

    async def _start_identity(self) -> None:
        # Last, for it must know which resources there are: the vault and Graph are named by their ports.
        graph = f"http://localhost:{self.directory_wire.port}"
        self.identities = ManagedIdentities(
            self.signer,
            headers={self.identity_headers[i.name]: {i.client_id} for i in rights.IDENTITIES},
            any_header=self.any_identity_header,
            resources=(self.vault_wire.resource, "https://servicebus.azure.net", "https://storage.azure.com"),
            graph_resources=("https://graph.microsoft.com", "http://localhost", graph),
        )
        self.identity_wire = ManagedIdentityWire(self.identities, self.faults)
        self._started += [self.identity_wire, self.sign_in_wire]
        await self.identity_wire.start()
        await self.sign_in_wire.start()

    async def stop(self) -> None:
        """Stop everything that started; the models stay readable."""
        while self._started:
            await self._started.pop(0).stop()

    @property
    def page_url(self) -> str:
        """Return where the courier's page is."""
        return f"http://localhost:{self.page_port}"

    @property
    def bus_connection_string(self) -> str:
        """Return a connection string of the emulator's form, with full rights."""
        return (
            f"Endpoint=sb://localhost:{self.bus_wire.port};SharedAccessKeyName={BUS_KEY_NAME};"
            f"SharedAccessKey={self.sas_key};UseDevelopmentEmulator=true;"
        )

    def endpoints(self) -> dict[str, Any]:
        """Return what another process needs to use the stand-ins with the unmodified SDKs: of what runs, no more.

        `page` is there when the apps can run. `authority` signs people in; the rest of `identity` is a managed
        identity's endpoint, whose header may be any of the client ids. `faults` takes orders.
        """
        running = self.options.running
        told: dict[str, Any] = {
            "caFile": str(self.certificates.ca.resolve()),
            "faults": {"url": self.fault_control.url, "secret": self.fault_control.secret},
        }
        if "bus" in running:
            told["serviceBus"] = {
                "connectionString": self.bus_connection_string,
                "fullyQualifiedNamespace": BUS_NAME,
                "tlsPort": self.bus_wire.tls_port,
            }
        if "vault" in running:
            told["keyVault"] = {"url": self.vault_wire.url}
        if "graph" in running:
            told["graph"] = {"url": self.directory_wire.base_url}
            told["people"] = [
                {"id": p.object_id, "userPrincipalName": p.user_principal_name, "displayName": p.display_name}
                for p in self.directory.people()
            ]
        if "tables" in running:
            told["tables"] = {"url": self.tables_url}
        if "identity" in running:
            told["identity"] = {
                "endpoint": self.identity_wire.endpoint,
                "header": self.any_identity_header,
                "clientIds": {
                    i.name: i.client_id for i in rights.IDENTITIES if i not in (rights.OPERATOR, rights.MANAGER)
                },
                "authority": self.authority,
            }
        if self.options.whole:
            told["page"] = {"url": self.page_url, "clientId": PAGE_CLIENT_ID}
        return told

    @property
    def authority(self) -> str:
        """Return the issuer of people's id tokens."""
        return self.people.issuer

    @property
    def tables_url(self) -> str:
        """Return the ledger's address: by number, for the SDK takes `localhost` for another emulator's (Cosmos)."""
        return f"https://127.0.0.1:{self.ledger_wire.port}/{self.ledger_wire.account}"

    def write_endpoints(self, path: Path) -> None:
        """Write `endpoints()` for other processes: whole or not at all, and readable by this user alone."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp's mode is 600; an older file's mode would outlive being written over.
        number, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(json.dumps(self.endpoints(), indent=2) + "\n")
        Path(beside).replace(path)


def free_port() -> int:
    """Return a port on loopback that nobody listens on. Raises OSError when none is found.

    It lies below those that systems hand out to connections, so that none of these takes it before the app listens.
    """
    for port in _CHANCE.sample(_PORTS, _TRIES):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(errno.EADDRINUSE, f"{_TRIES} ports were tried, and all are taken")

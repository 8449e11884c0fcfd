"""The host as a process of its own, running the sample app against a bus on the network."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from local import ca
from local.bus.amqp import BusWire
from local.bus.config import parse
from local.bus.model import Bus
from local.clock import utc_now
from local.faults import Faults
from local.host.control import HEADER
from local.identity.model import ManagedIdentities
from local.identity.wire import ManagedIdentityWire
from local.rights import AUDITOR
from local.tokens import Signer

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "sample_app"
NAMESPACE = "sample.servicebus.localhost"
SECRET = "made-up"


def entities() -> dict[str, Any]:
    """Return the bus that the sample app listens to."""
    queues = [
        {"Name": "joiners", "Properties": {"LockDuration": "PT5S", "MaxDeliveryCount": 3}},
        {"Name": "tickets", "Properties": {"MaxDeliveryCount": 2}},
        {"Name": "requests", "Properties": {"RequiresSession": True, "LockDuration": "PT5S"}},
    ]
    return {"UserConfig": {"Namespaces": [{"Name": "ns", "Queues": queues, "Topics": []}]}}


async def eventually[T](look: Callable[[], T], seconds: float = 15) -> T:
    """Return what `look` returns once it is true; fail after `seconds`."""
    ends = asyncio.get_running_loop().time() + seconds
    while not (found := look()):
        if asyncio.get_running_loop().time() > ends:
            pytest.fail(f"this did not happen within {seconds} s")
        await asyncio.sleep(0.05)
    return found


@dataclass
class HostProcess:
    """A running `python -m local.host`, and what its app told."""

    directory: Path
    environment: dict[str, str]
    settings: dict[str, Any]
    arguments: tuple[str, ...] = ()
    ready: dict[str, Any] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def base(self) -> str:
        """Return the address of the HTTP functions."""
        return f"http://localhost:{self.ready['http']}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until it is ready."""
        path = self.directory / "settings.json"
        path.write_text(json.dumps(self.settings), encoding="utf-8")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "local.host", "--app", str(SAMPLE), "--port", "0", "--control-port", "0"),
            *("--settings", str(path), "--log", str(self.directory / "host.log"), *self.arguments),
            cwd=ROOT,
            env=os.environ | self.environment,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.ready = json.loads(await asyncio.wait_for(self.process.stdout.readline(), 30))

    async def stop(self) -> int:
        """End it with SIGTERM; return its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 12)

    def told(self, word: str) -> list[dict[str, Any]]:
        """Return what the sample's functions of this word told, in order."""
        path = self.directory / "told.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [one for one in map(json.loads, lines) if one["what"] == word]

    def logged(self) -> list[dict[str, Any]]:
        """Return the host's log."""
        lines = (self.directory / "host.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    async def control(self, method: str, path: str, body: object = None, secret: str = SECRET) -> tuple[int, Any]:
        """Call the control endpoint; return the status and the JSON answer."""
        url = f"http://127.0.0.1:{self.ready['control']}{path}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, url, json=body, headers={HEADER: secret}) as response,
        ):
            text = await response.text()
            return response.status, json.loads(text) if text else None


@dataclass
class Desk:
    """A bus over TLS, an identity endpoint, and hosts on demand."""

    bus: Bus
    wire: BusWire
    certificates: ca.Certificates
    identity: ManagedIdentityWire
    directory: Path

    def host(self, *arguments: str, disabled: tuple[str, ...] = (), **settings: Any) -> HostProcess:
        """Return a host of the sample app, not started; `settings` are further parts of its file."""
        trust = {
            "caFile": str(self.certificates.ca),
            "servers": [["*.servicebus.localhost", 5671, "127.0.0.1", self.wire.tls_port]],
        }
        values = {
            "SAMPLE_QUEUE": "joiners",
            "SAMPLE_SCHEDULE": "0 0 3 * * *",
            "SAMPLE_TOLD": str(self.directory / "told.jsonl"),
            "SAMPLE_BUS__fullyQualifiedNamespace": NAMESPACE,
            "SAMPLE_BUS__credential": "managedidentity",
            "SAMPLE_BUS__clientId": AUDITOR.client_id,
        } | {f"AzureWebJobs_{name}_Disabled": "1" for name in disabled}
        environment = {
            "LOCAL_TRUST": json.dumps(trust),
            "LOCAL_CONTROL": SECRET,
            "IDENTITY_ENDPOINT": self.identity.endpoint,
            "IDENTITY_HEADER": SECRET,
        }
        return HostProcess(self.directory, environment, {"values": values, **settings}, arguments)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Return a desk with a bus that listens."""
    signer, faults = Signer(), Faults()
    bus = Bus(parse(entities()), utc_now)
    wire = BusWire(bus, signer=signer, clock=utc_now, faults=faults, sas_keys={})
    certificates = ca.make(tmp_path / "ca")
    identity = ManagedIdentityWire(
        ManagedIdentities(signer, headers={}, any_header=SECRET, resources=["https://servicebus.azure.net"]), faults
    )
    async with AsyncExitStack() as stack:
        await wire.start(ssl_context=certificates.server_context())
        stack.push_async_callback(wire.stop)
        await identity.start()
        stack.push_async_callback(identity.stop)
        yield Desk(bus, wire, certificates, identity, tmp_path)


@pytest.fixture
def noon() -> datetime:
    """Return a fixed instant."""
    return datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

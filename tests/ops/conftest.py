"""Desks for operators: one whose commands are processes of their own, and one that the doctor looks at from within."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local import rights, trust
from local.apps import as_manager, environment
from local.clock import utc_now
from local.desk import BUS_NAME, Desk, DeskOptions
from ops.services import is_app, probing
from shared.composition.check_up import subject
from shared.composition.settings import Settings
from shared.domain.health import Diagnosis, Health, Part
from shared.flows.check_up import check_up


@dataclass(frozen=True, slots=True)
class Surgery:
    """A desk, and the doctor's hand on it."""

    desk: Desk

    def settings(self, role: str = "issuer", **changes: Any) -> Settings:
        """Return a role's settings as the desk gives them, with changes."""
        return replace(Settings.from_env(environment(self.desk, role, "", timedelta(0))), **changes)

    async def look(
        self,
        *parts: Part,
        role: str = "issuer",
        ahead: timedelta = timedelta(0),
        light: bool = False,
        settings: Settings | None = None,
    ) -> tuple[Diagnosis, ...]:
        """Return what is found about these parts; `ahead` is how wrong our own clock is."""
        chosen = settings or self.settings(role)
        async with probing(chosen, lambda: datetime.now(UTC) + ahead) as probes:
            return await check_up(subject(chosen, as_app=is_app(), light=light), probes, frozenset(parts))

    async def wrong(self, *parts: Part, **how: Any) -> list[str]:
        """Return what is said of these parts that is not well; each must say why it matters and how to mend it."""
        found = [one for one in await self.look(*parts, **how) if one.health is not Health.OK]
        assert all(one.what and one.why and one.mend for one in found)
        return [f"{one.health}: {one.what}" for one in found]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def surgery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Surgery]:
    """Run the stand-ins, and let this process find, trust and be them as a process of the desk does."""
    folder: Path = tmp_path_factory.mktemp("desk")
    desk = Desk(DeskOptions(folder), utc_now)
    await desk.start()
    # A process of the desk starts with SSL_CERT_FILE; this one has read its trust already.
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(desk.certificates.ca)
    ports = {5671: desk.bus_wire.tls_port, 443: desk.bus_administration.port}
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {"IDENTITY_ENDPOINT": desk.identity_wire.endpoint, **as_manager(desk)}.items():
            patch.setenv(name, value)
        stack.callback(
            trust.install(
                str(desk.certificates.ca), {(BUS_NAME, asked): ("127.0.0.1", port) for asked, port in ports.items()}
            )
        )
        yield Surgery(desk)
    await desk.stop()


@dataclass(frozen=True, slots=True)
class Grants:
    """The rights of this test: what is changed here is as before afterwards."""

    patch: pytest.MonkeyPatch

    def change(self, who: rights.Identity, **rights_of: Any) -> None:
        """Let an identity have other rights on vault, tables or queues."""
        changed = tuple(replace(i, **rights_of) if i.name == who.name else i for i in rights.IDENTITIES)
        self.patch.setattr(rights, "IDENTITIES", changed)


@pytest.fixture
def grants(monkeypatch: pytest.MonkeyPatch) -> Grants:
    """Return the rights, to be changed."""
    return Grants(monkeypatch)


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at a terminal, with an identity of their own on the desk."""

    desk: Desk

    async def runs(self, *words: str) -> tuple[int, str]:
        """Run `python -m ops WORDS`; return its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local.errand",
            "ops",
            *words,
            env=environment(self.desk, "operator", "", timedelta(0)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operator]:
    """Start the stand-ins once for a module."""
    folder: Path = tmp_path_factory.mktemp("desk")
    desk = Desk(DeskOptions(directory=folder))
    await desk.start()
    yield Operator(desk)
    await desk.stop()

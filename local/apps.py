"""Issuer and courier as Azure would run them: two processes, two identities, the environment that Azure would set."""

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from local import rights
from local.desk import BUS_NAME, PAGE_CLIENT_ID, Desk, free_port
from local.directory.tenant import APPROVERS, BREAK_GLASS, MAILBOX, OPERATORS, SERVICE_DESK, group_id, person_id
from local.host.control import HEADER
from local.tokens import TENANT_ID

ROOT = Path(__file__).resolve().parent.parent
ROLES = ("issuer", "courier")
_START_SECONDS = 30
_QUEUES = ("JOINERS", "TICKETS", "REQUESTS", "DELIVERIES", "ASKS", "QUARANTINE")
_IDENTITIES = {i.name: i for i in rights.IDENTITIES}


class DidNotStart(RuntimeError):
    """A host process ended, or said nothing in time, before it was ready."""


def environment(desk: Desk, role: str, control_secret: str, offset: timedelta) -> dict[str, str]:
    """Return the settings of one app, as Azure's configuration would hold them, and what the desk needs of its own.

    The operator has the issuer's settings and an identity of their own.
    """
    identity = _IDENTITIES[role]
    settings = {
        "PASSDESK_ROLE": role if role in ROLES else "issuer",
        "PASSDESK_TENANT_ID": TENANT_ID,
        "PASSDESK_CLIENT_ID": identity.client_id,
        "PASSDESK_BUS__fullyQualifiedNamespace": BUS_NAME,
        "PASSDESK_BUS__credential": "managedidentity",
        "PASSDESK_BUS__clientId": identity.client_id,
        "PASSDESK_VAULT_URL": desk.vault_wire.url,
        "PASSDESK_LEDGER_URL": desk.tables_url,
        "PASSDESK_GRAPH_URL": desk.directory_wire.base_url,
        "PASSDESK_MAILBOX": MAILBOX,
        "PASSDESK_PAGE_URL": desk.page_url,
        "PASSDESK_PAGE_CLIENT_ID": PAGE_CLIENT_ID,
        "PASSDESK_SIGN_IN_AUTHORITY": desk.authority,
        "PASSDESK_PROTECTED_PEOPLE": person_id(BREAK_GLASS),
        "PASSDESK_DESK_GROUPS": group_id(SERVICE_DESK),
        "PASSDESK_APPROVER_GROUPS": group_id(APPROVERS),
        "PASSDESK_ELEVATED_GROUPS": group_id(OPERATORS),
        "PASSDESK_RECOVERY_FILE": str(_policy(desk.options.directory)),
        "PASSDESK_CLEAN_UP_SCHEDULE": "0 * * * * *",
        "PASSDESK_RE_DRIVE_SCHEDULE": "30 * * * * *",
        "PASSDESK_OUTCOMES_TOPIC": "outcomes",
        "PASSDESK_SECURITY_TOPIC": "security",
        **{f"PASSDESK_{queue}_QUEUE": queue.lower() for queue in _QUEUES},
    }
    platform = {
        "IDENTITY_ENDPOINT": desk.identity_wire.endpoint,
        "IDENTITY_HEADER": desk.identity_headers[role],
        "SSL_CERT_FILE": str(desk.certificates.ca),
    }
    ours = {
        "LOCAL_CONTROL": control_secret,
        "LOCAL_TIME_OFFSET": str(offset.total_seconds()),
        "LOCAL_TRUST": json.dumps(
            {
                "caFile": str(desk.certificates.ca),
                "servers": [
                    [BUS_NAME, 5671, "127.0.0.1", desk.bus_wire.tls_port],
                    [BUS_NAME, 443, "127.0.0.1", desk.bus_administration.port],
                ],
            }
        ),
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME", ""),
        # The desk has one courier and few people: a short wait keeps a travelling day short.
        "AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentSessions": "3",
        "AzureFunctionsJobHost__extensions__serviceBus__sessionIdleTimeout": "00:00:01",
    }
    return {**settings, **platform, **ours}


def as_manager(desk: Desk) -> dict[str, str]:
    """Return what lets a command be the app and, where that has no right, whoever manages the queues."""
    return {"IDENTITY_HEADER": desk.any_identity_header, "AZURE_CLIENT_ID": rights.MANAGER.client_id}


def _policy(folder: Path) -> Path:
    """Write the recovery policy of the desk: the product's, with all looked at and all done that can be."""
    shipped = (ROOT / "shared" / "composition" / "recovery.toml").read_text(encoding="utf-8")
    for key in ("phone_hours", "manager_hours"):
        shipped = shipped.replace(f"{key} = 0\n", f"{key} = 24\n")
    before, section, after = shipped.partition("[completion]\n")
    lines = [line if line.startswith("go_on") else line.replace("= false", "= true") for line in after.splitlines()]
    file = folder.resolve() / "recovery.toml"
    file.write_text(before + section + "\n".join(lines) + "\n", encoding="utf-8")
    return file


@dataclass(slots=True)
class App:
    """One host process, and the desk's hand on it."""

    role: str
    process: asyncio.subprocess.Process
    control_url: str
    secret: str
    log: Path
    functions: tuple[str, ...] = field(default=())

    async def control(self, verb: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control endpoint and return its answer. Raises aiohttp.ClientError when the process is gone."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
            session.request(verb, self.control_url + path, json=body, headers={HEADER: self.secret}) as answer,
        ):
            answer.raise_for_status()
            found: dict[str, Any] = await answer.json()
            return found

    async def travel(self, offset: timedelta) -> None:
        """Move the process's clock to real time plus `offset`."""
        await self.control("POST", "/travel", {"offsetSeconds": offset.total_seconds()})

    async def stop(self) -> None:
        """Drain and end; kill when it does not."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 12)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


async def launch(desk: Desk, role: str, offset: timedelta = timedelta(0), *, name: str = "") -> App:
    """Start one role as a process of its own and wait until it is ready.

    `name` tells a further process of a role from the first. Its timers rest: in Azure one of all runs each timer.
    Raises DidNotStart with the end of its log.
    """
    folder, name = desk.options.directory, name or role
    log = folder / f"{name}.log"
    secret = os.urandom(16).hex()
    settings: dict[str, Any] = {}
    if role == "courier":
        settings["platformAuth"] = {
            "authority": desk.authority,
            "clientId": PAGE_CLIENT_ID,
            "baseUrl": desk.page_url,
            "excludedPaths": ["/health"],
        }
    settings_file = folder / f"{name}.settings.json"
    settings_file.write_text(json.dumps(settings), encoding="utf-8")
    port = desk.page_port if role == "courier" else free_port()
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local.host",
            "--app",
            str(ROOT),
            "--port",
            str(port),
            "--follow-stdin",  # a desk that is killed leaves no host behind
            "--control-port",
            "0",
            "--settings",
            str(settings_file),
            "--log",
            str(log),
            "--timer-status",
            str(folder / f"{name}.timers.json"),
            *(["--pause-timers"] if name != role else []),
            cwd=ROOT,
            env=environment(desk, role, secret, offset),
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            stdin=asyncio.subprocess.PIPE,
        )
    try:
        ready = await _ready(process, name, log)
    except BaseException:
        if process.returncode is None:
            process.kill()
        await process.wait()
        raise
    return App(
        role=role,
        process=process,
        control_url=f"http://127.0.0.1:{ready['control']}",
        secret=secret,
        log=log,
        functions=tuple(ready.get("functions", ())),
    )


async def launch_all(desk: Desk) -> list[App]:
    """Start both roles side by side; when one does not start, stop the other. Raises DidNotStart."""
    started = await asyncio.gather(*(launch(desk, role) for role in ROLES), return_exceptions=True)
    apps = [app for app in started if isinstance(app, App)]
    failures = [failure for failure in started if isinstance(failure, BaseException)]
    if failures:
        await asyncio.gather(*(app.stop() for app in apps))
        raise failures[0]
    return apps


async def _ready(process: asyncio.subprocess.Process, role: str, log: Path) -> dict[str, Any]:
    if process.stdout is None:
        msg = "the host's output is not piped"
        raise DidNotStart(msg)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while line := await process.stdout.readline():
                try:
                    said = json.loads(line)
                except ValueError:
                    continue
                if isinstance(said, dict) and said.get("ready"):
                    return said
    tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    msg = f"{role} did not start:\n{tail}"
    raise DidNotStart(msg)

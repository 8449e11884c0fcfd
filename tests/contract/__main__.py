"""`python -m tests.contract`: the contract suites against the services that the environment names.

Exit codes: 0 all held, 1 something did not, 2 it did not run: settings missing, a service out of reach, a token of
another tenant. Then nothing was made. Further arguments are pytest's (`-k vault`).
"""

import asyncio
import base64
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.identity.aio import DefaultAzureCredential
from azure.servicebus.aio import ServiceBusSender
from kiota_abstractions.method import Method

from shared.adapters.graph_http import Call
from shared.domain.fates import Failure
from tests.contract.people import LIKE, POLICY
from tests.contract.services import Services
from tests.contract.settings import RUN, TARGET, Incomplete, Settings, read

ROOT = Path(__file__).parents[2]
SUITES = ("test_bus.py", "test_vault.py", "test_directory.py", "test_tables.py", "../ledger/test_contract.py")
QUEUES = ("contract-plain", "contract-sessions", "contract-unique")


async def _bus(services: Services) -> None:
    async with services.bus(retry_total=0) as client:
        senders = [*(client.get_queue_sender(queue) for queue in QUEUES), client.get_topic_sender("contract-topic")]
        await asyncio.gather(*(_opened(sender) for sender in senders))


async def _opened(sender: ServiceBusSender) -> None:
    async with sender:
        pass


async def _vault(services: Services) -> None:
    async with services.vault(retry_total=0) as client:
        with contextlib.suppress(ResourceNotFoundError):
            await client.get_secret(f"{services.settings.run}-absent")


async def _tables(services: Services) -> None:
    async with services.tables(retry_total=0) as client:
        async for _ in client.list_tables(results_per_page=1):
            break


async def _graph(services: Services) -> None:
    answer = await services.graph().send(Call(LIKE, Method.GET, POLICY))
    if not answer.ok:
        raise OSError(f"the policy for passes cannot be read: {answer.status} {answer.code}")
    graph = services.settings.graph_url.removesuffix("/v1.0")
    token = (await services.credential.get_token(f"{graph}/.default")).token
    tenant = _claims(token).get("tid")
    if tenant != services.settings.tenant_id:
        raise OSError(f"the credential is of tenant {tenant}, not of CONTRACT_TENANT_ID")


def _claims(token: str) -> dict[str, object]:
    """Return what a token says of itself, unchecked: it was just given to us, and only its tenant is looked at."""
    part = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


LOOKS: dict[str, Callable[[Services], Awaitable[None]]] = {
    "CONTRACT_BUS_NAMESPACE": _bus,
    "CONTRACT_VAULT_URL": _vault,
    "CONTRACT_TABLES_URL": _tables,
    "CONTRACT_TENANT_ID": _graph,
}


async def look(services: Services) -> list[str]:
    """Return what stands in the way, having changed nothing: one line for each service out of reach."""
    problems = []
    for name, reach in LOOKS.items():
        try:
            await reach(services)
        except (AzureError, Failure, OSError) as error:
            notes = " ".join(getattr(error, "__notes__", ()))
            problems.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:300]} {notes}".strip())
    return problems


async def clean_up(services: Services) -> None:
    """Remove what earlier runs made and could not remove."""
    journal = services.journal
    await services.people().clean_up()
    async with services.vault() as vault, services.tables() as tables:
        for name in journal.left("secret"):
            with contextlib.suppress(ResourceNotFoundError):
                await vault.delete_secret(name)
            with contextlib.suppress(ResourceNotFoundError):
                await vault.purge_deleted_secret(name)
            journal.gone("secret", name)
        for name in journal.left("table"):
            await tables.delete_table(name)  # silent where there is none
            journal.gone("table", name)


async def _prepare(settings: Settings) -> list[str]:
    async with DefaultAzureCredential() as credential:
        services = Services(settings, credential)
        problems = await look(services)
        if not problems:
            await clean_up(services)
        return problems


def main(arguments: list[str] | None = None) -> int:
    """Check everything, clean up after earlier runs, run the suites; return the exit code."""
    try:
        settings = read(os.environ)
        problems = asyncio.run(_prepare(settings))
    except Incomplete as missing:
        problems = missing.problems
    if problems:
        sys.stderr.write("the contract cannot be tested here (docs/contract-azure.md says how):\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in problems)
        return 2
    os.environ[TARGET], os.environ[RUN] = "azure", settings.run
    sys.stdout.write(f"run {settings.run}: everything that it makes begins with this name\n")
    sys.stdout.flush()
    here = Path(__file__).parent
    suites = [str((here / name).resolve()) for name in SUITES]
    more = sys.argv[1:] if arguments is None else arguments
    code = pytest.main(["-q", "-n", "0", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *suites, *more])
    try:
        asyncio.run(_finish(settings))
    except (AzureError, Failure, OSError, AssertionError) as error:
        sys.stderr.write(f"the clean-up failed, the next run tries again: {type(error).__name__}: {error}\n")
        return 1
    return 0 if code == pytest.ExitCode.OK else 1


async def _finish(settings: Settings) -> None:
    async with DefaultAzureCredential() as credential:
        await clean_up(Services(settings, credential))


if __name__ == "__main__":
    sys.exit(main())

"""How a command reaches what it asks: by the app's own settings, as the operator who runs it."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import AzureCliCredential, ManagedIdentityCredential

from shared.adapters.bus_quarantine import QuarantineQueue
from shared.composition.build import OperatorServices, operator_services, quarantine
from shared.composition.check_up import AzureProbes, probes
from shared.composition.settings import Settings
from shared.flows.services import Clock


@asynccontextmanager
async def connected(settings: Settings, now: datetime) -> AsyncIterator[OperatorServices]:
    """Yield the ports, with a clock that stands at `now`, and close them afterwards."""
    async with (
        _credential(settings) as credential,
        operator_services(settings, lambda: now, _new_id, credential) as services,
    ):
        yield services


@asynccontextmanager
async def quarantined(settings: Settings) -> AsyncIterator[QuarantineQueue]:
    """Yield the quarantine, and close it afterwards."""
    async with _credential(settings) as credential, quarantine(settings, credential) as queue:
        yield queue


@asynccontextmanager
async def probing(settings: Settings, clock: Clock) -> AsyncIterator[AzureProbes]:
    """Yield what a check-up looks with, and close it afterwards."""
    async with (
        _credential(settings) as credential,
        _manager(settings) as manager,
        probes(settings, clock, _new_id, credential, manager) as found,
    ):
        yield found


def is_app() -> bool:
    """Tell whether this runs where the platform gives out the app's own identity."""
    return "IDENTITY_ENDPOINT" in os.environ


def _credential(settings: Settings) -> AsyncTokenCredential:
    # On a machine of Azure's (and on the desk) the platform says where its identities are; elsewhere `az login` does.
    return ManagedIdentityCredential(client_id=settings.client_id) if is_app() else AzureCliCredential()


def _manager(settings: Settings) -> AsyncTokenCredential:
    # An app may not manage queues. Where an operator's identity is at hand too, it has the name that Azure's SDKs use.
    if is_app():
        return ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID") or settings.client_id)
    return AzureCliCredential()


def _new_id() -> str:
    return str(uuid.uuid4())

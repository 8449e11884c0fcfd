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
from shared.composition.settings import Settings


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


def _credential(settings: Settings) -> AsyncTokenCredential:
    # On a machine of Azure's (and on the desk) the platform says where its identities are; elsewhere `az login` does.
    if "IDENTITY_ENDPOINT" in os.environ:
        return ManagedIdentityCredential(client_id=settings.client_id)
    return AzureCliCredential()


def _new_id() -> str:
    return str(uuid.uuid4())

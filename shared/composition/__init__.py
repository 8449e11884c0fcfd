"""The composition root: the one place that reads the environment and knows the adapters. Everything on first use."""

import logging
import os
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from shared.composition.settings import BadSettings, Settings
from shared.domain.events import Gate
from shared.flows.services import CourierServices, IssuerServices

if TYPE_CHECKING:
    from shared.composition.pulse import Pulse

__all__ = [
    "BadSettings",
    "Gates",
    "Settings",
    "courier_pulse",
    "courier_services",
    "gates",
    "issuer_services",
    "settings",
]


# At INFO these log each call with its address and headers, and the worker passes all of INFO on to the host.
_TALKATIVE = ("azure", "httpx", "msal")


@dataclass(frozen=True, slots=True)
class Gates:
    """What each queue of events lets in."""

    joiners: Gate
    tickets: Gate


@cache
def settings() -> Settings:
    """Return this process's settings. Raises BadSettings."""
    return Settings.from_env(os.environ)


@cache
def gates() -> Gates:
    """Return what each queue of events lets in. Raises BadSettings."""
    known = settings()
    return Gates(joiners=known.joiners_gate, tickets=known.tickets_gate)


@cache
def issuer_services() -> IssuerServices:
    """Return the issuer's services, one set per process; call it inside the running loop. Raises BadSettings."""
    # The SDKs take a second to import; a process that is only indexed must not pay for them (docs: cold start).
    from shared.composition.build import build_issuer  # noqa: PLC0415

    _observe()
    return build_issuer(settings(), _now, _new_id, _chance)


@cache
def courier_services() -> CourierServices:
    """Return the courier's services, one set per process; call it inside the running loop. Raises BadSettings."""
    from shared.composition.build import build_courier  # noqa: PLC0415 - as above

    _observe()
    return build_courier(settings(), _now, _new_id, _chance)


@cache
def courier_pulse() -> "Pulse":
    """Return what tells the courier's health, one per process; call it inside the running loop. Raises BadSettings."""
    from shared.composition.build import app_credential  # noqa: PLC0415 - as above
    from shared.composition.pulse import Pulse  # noqa: PLC0415 - as above

    return Pulse(settings(), _now, _new_id, app_credential(settings()))


def _observe() -> None:
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    # The platform's own setting says where telemetry goes; where there is none (a desk, a test) nothing is recorded.
    connection = os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING")
    if settings().traces and connection:
        from shared.composition import telemetry  # noqa: PLC0415 - as above

        telemetry.start(settings(), connection)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid.uuid4())


def _chance() -> float:
    return random.random()  # noqa: S311 - it spreads retries, and keeps no secret

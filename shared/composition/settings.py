"""Settings: everything an operator may say, from the environment, checked as a whole and named when it is wrong.

No setting is a secret: identities stand in for keys. Values are still never repeated in an error. What tickets are
judged by stands in a file, which is read here, with the settings, and not at import.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from shared.composition.recovery_file import BadPolicy, RecoveryPolicy, load
from shared.domain.events import Gate
from shared.domain.orders import Purpose
from shared.domain.terms import RecoveryTerms, Terms

ISSUER, COURIER = "issuer", "courier"

_PREFIX = "PASSDESK_"
_MOST_LANES = 1000  # a lane's name has three digits
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_ENTITY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?")  # Service Bus: entity paths up to 260
_MAILBOX = re.compile(r"[^@\s/?#]{1,64}@[A-Za-z0-9.-]{1,255}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_JOINERS = "/hr/workday"
_DEFAULT_TICKETS = "/itsm/servicenow"
_ROOT = Path(__file__).parents[2]
_DEFAULT_POLICY = "shared/composition/recovery.toml"
_GRAPH = "https://graph.microsoft.com/v1.0"


class BadSettings(ValueError):
    """What is missing or wrong, all of it, by name."""

    def __init__(self, flaws: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {flaw}" for name, flaw in sorted(flaws.items())))
        self.flaws = dict(flaws)


@dataclass(frozen=True, slots=True)
class EntityNames:
    """The bus's queues and topics by what they carry."""

    joiners: str
    tickets: str
    requests: str
    deliveries: str
    asks: str
    quarantine: str
    outcomes: str
    security: str


@dataclass(frozen=True, slots=True)
class Settings:
    """One app's settings. URLs have no trailing slash; ids are in lower case."""

    role: str
    tenant_id: str
    client_id: str
    bus_namespace: str
    vault_url: str
    ledger_url: str
    graph_url: str
    mailbox: str
    page_url: str
    page_client_id: str
    sign_in_authority: str
    entities: EntityNames
    joiner_sources: frozenset[str]
    ticket_sources: frozenset[str]
    read_sign_ins: bool
    language: str
    traces: bool
    terms: Terms

    @property
    def joiners_gate(self) -> Gate:
        """Return what the joiners' queue lets in."""
        return Gate(self.entities.joiners, Purpose.JOINER, self.joiner_sources)

    @property
    def tickets_gate(self) -> Gate:
        """Return what the tickets' queue lets in."""
        return Gate(self.entities.tickets, Purpose.RECOVERY, self.ticket_sources)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings in `environ`. Raises BadSettings with everything that is missing or wrong."""
        read = _Reader(environ)
        role = read.one("ROLE", _role)
        mailbox = read.one("MAILBOX", _mailbox, default=None if role == COURIER else "")
        settings = cls(
            role=role,
            tenant_id=read.one("TENANT_ID", _guid),
            client_id=read.one("CLIENT_ID", _guid),
            bus_namespace=read.one("BUS__fullyQualifiedNamespace", _host),
            vault_url=read.one("VAULT_URL", _url),
            ledger_url=read.one("LEDGER_URL", _url),
            graph_url=read.one("GRAPH_URL", _url, default=_GRAPH),
            mailbox=mailbox,
            page_url=read.one("PAGE_URL", _url),
            page_client_id=read.one("PAGE_CLIENT_ID", _guid),
            sign_in_authority=read.one("SIGN_IN_AUTHORITY", _url),
            entities=_entities(read),
            joiner_sources=read.one("JOINER_SOURCES", _sources, default=_DEFAULT_JOINERS),
            ticket_sources=read.one("TICKET_SOURCES", _sources, default=_DEFAULT_TICKETS),
            read_sign_ins=read.one("READ_SIGN_INS", _flag, default="false"),
            language=read.one("LANGUAGE", _language, default="en"),
            traces=read.one("TRACES", _flag, default="true"),
            terms=_terms(read, notice_route=bool(mailbox)),
        )
        policy = read.one("RECOVERY_FILE", _policy, default=_DEFAULT_POLICY)
        read.finish()
        return replace(settings, terms=_judged_by(policy, settings.terms))


def _terms(read: "_Reader", *, notice_route: bool) -> Terms:
    usual = Terms()
    return Terms(
        lead=read.one("LEAD_MINUTES", _length(_MINUTE, 0, 24 * 60), default=_count(usual.lead, _MINUTE)),
        joiner_window=read.one("JOINER_WINDOW_DAYS", _length(_DAY, 1, 365), default=_count(usual.joiner_window, _DAY)),
        joiner_patience=read.one(
            "JOINER_PATIENCE_HOURS", _length(_HOUR, 1, 14 * 24), default=_count(usual.joiner_patience, _HOUR)
        ),
        protected_people=read.one("PROTECTED_PEOPLE", _names, default=""),
        protected_groups=read.one("PROTECTED_GROUPS", _guids, default=""),
        without_p2=read.one("WITHOUT_P2", _flag, default="false"),
        notice_route=notice_route,
        lanes=read.one("LANES", _whole(1, _MOST_LANES), default=str(usual.lanes)),
        recovery=RecoveryTerms(
            desk_groups=read.one("DESK_GROUPS", _guids, default=""),
            approver_groups=read.one("APPROVER_GROUPS", _guids, default=""),
            elevated_groups=read.one("ELEVATED_GROUPS", _guids, default=""),
        ),
    )


def _judged_by(policy: RecoveryPolicy, terms: Terms) -> Terms:
    """Return the terms with what the file says, and the groups that they had."""
    ours = terms.recovery
    recovery = replace(
        policy.recovery,
        desk_groups=ours.desk_groups,
        approver_groups=ours.approver_groups,
        elevated_groups=ours.elevated_groups,
    )
    return replace(terms, recovery=recovery, joiner_caps=policy.joiner_caps)


def _entities(read: "_Reader") -> EntityNames:
    def named(name: str, kind: str) -> str:
        return read.one(f"{name.upper()}_{kind}", _entity, default=name)

    return EntityNames(
        joiners=named("joiners", "QUEUE"),
        tickets=named("tickets", "QUEUE"),
        requests=named("requests", "QUEUE"),
        deliveries=named("deliveries", "QUEUE"),
        asks=named("asks", "QUEUE"),
        quarantine=named("quarantine", "QUEUE"),
        outcomes=named("outcomes", "TOPIC"),
        security=named("security", "TOPIC"),
    )


class _Reader:
    """Reads settings one by one and remembers what was wrong, so that all of it is told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        # The platform hands names over as they were written; the Functions host compares them without case.
        self._environ = {name.upper(): value.strip() for name, value in environ.items()}
        self._flaws: dict[str, str] = {}

    def one[T](self, name: str, parse: Callable[[str], T], *, default: str | None = None) -> T:
        """Return a parsed setting; a wrong one is noted, and something that `finish` lets nobody use is returned."""
        full = _PREFIX + name
        text = self._environ.get(full.upper()) or default
        try:
            if text is not None:
                return parse(text)
            self._flaws[full] = "is missing"
        except BadPolicy as bad:
            self._flaws |= {f"{full}: {place}" if place else full: flaw for place, flaw in bad.flaws.items()}
        except ValueError as flaw:
            self._flaws[full] = str(flaw)
        return cast("T", None)  # nobody gets to see it: `finish` raises

    def finish(self) -> None:
        """Raise BadSettings when anything was wrong."""
        if self._flaws:
            raise BadSettings(self._flaws)


def _role(text: str) -> str:
    if text not in {ISSUER, COURIER}:
        raise ValueError(f"must be {ISSUER} or {COURIER}")
    return text


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError("must be a GUID") from None


def _guids(text: str) -> frozenset[str]:
    return frozenset(_guid(part) for part in _names(text))


def _policy(text: str) -> RecoveryPolicy:
    """Return the recovery policy in a file, named from the app's root or absolutely. Raises BadPolicy."""
    return load(_ROOT / text)


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _sources(text: str) -> frozenset[str]:
    found = _names(text)
    if not found:
        raise ValueError("must name at least one source")
    return found


def _flag(text: str) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in known:
        raise ValueError("must be true or false")
    return known[text.lower()]


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def _length(unit: timedelta, least: int, most: int) -> Callable[[str], timedelta]:
    whole = _whole(least, most)
    return lambda text: whole(text) * unit


def _count(length: timedelta, unit: timedelta) -> str:
    return str(length // unit)


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("must be a host name, without scheme or port")
    return text.lower()


def _entity(text: str) -> str:
    if not _ENTITY.fullmatch(text):
        raise ValueError("must be a name of letters, digits and . _ - /")
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("must be a language of two letters that there are message files for")
    return text


def _mailbox(text: str) -> str:
    if text and not _MAILBOX.fullmatch(text):
        raise ValueError("must be a mail address")
    return text


def _url(text: str) -> str:
    """Return an address without its last slash: https, or http on this machine (as msgraph-sdk allows it)."""
    try:
        parts = urlsplit(text)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        plain = not (parts.query or parts.fragment or parts.username or parts.password) and parts.port != 0
    except ValueError:
        local = plain = False
        parts = urlsplit("")
    if not plain or not parts.hostname or not (parts.scheme == "https" or local):
        raise ValueError("must be an https address without query")
    return text.rstrip("/")

"""Contoso: a made-up tenant with everybody whom Passdesk must serve, and everybody whom it must refuse.

Ids are stable (`person_id`, `group_id`); dates follow the clock, so that "tomorrow's joiner" always is one.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.clock import Clock
from local.directory.groups import Group
from local.directory.methods import PASSWORD_ID, Kind, Method
from local.directory.model import Directory
from local.directory.passes import Policy
from local.directory.people import Person
from local.directory.roles import (
    AUTHENTICATION_ADMINISTRATOR,
    GLOBAL_ADMINISTRATOR,
    HELPDESK_ADMINISTRATOR,
    READER_CUSTOM,
    USER_ADMINISTRATOR,
    Grant,
)

DOMAIN = "contoso.com"
MAILBOX = f"passdesk@{DOMAIN}"
BREAK_GLASS = f"breakglass@{DOMAIN}"
_NAMESPACE = uuid.UUID("c1d5c0de-3b0a-4b7f-9f43-2a8b5d0c7e61")
_YEARS = timedelta(days=365)


def upn(name: str) -> str:
    """Return the user principal name of a short name: `ada` -> `ada@contoso.com`."""
    return name if "@" in name else f"{name}@{DOMAIN}"


def person_id(name: str) -> str:
    """Return the object id of somebody, by short name or user principal name."""
    return str(uuid.uuid5(_NAMESPACE, f"person:{upn(name).lower()}"))


def group_id(name: str) -> str:
    """Return the object id of a group, by its display name."""
    return str(uuid.uuid5(_NAMESPACE, f"group:{name}"))


def unit_id(name: str) -> str:
    """Return the object id of an administrative unit, by its name."""
    return str(uuid.uuid5(_NAMESPACE, f"unit:{name}"))


# The groups of the tenant, by display name.
ALLOWED = "Passes allowed"
STAFF = "Staff"
NEW_COLLEAGUES = "New colleagues"
FORBIDDEN = "Passes forbidden"
SERVICE_DESK = "Service desk"
APPROVERS = "Pass approvers"
OPERATORS = "Passdesk operators"
TIER_ZERO = "Tier zero admins"
CLOUD_ADMINS = "Cloud admins"


@dataclass(frozen=True, slots=True)
class Office:
    """Where somebody works: the directory knows the country, HR the time zone."""

    name: str
    usage_location: str
    language: str
    time_zone: str


SERVICE_DESK_ID = group_id(SERVICE_DESK)
APPROVERS_ID = group_id(APPROVERS)
OPERATORS_ID = group_id(OPERATORS)

OSLO = Office("Oslo", "NO", "nb-NO", "Europe/Oslo")
LONDON = Office("London", "GB", "en-GB", "Europe/London")
NEW_YORK = Office("New York", "US", "en-US", "America/New_York")

# name, full name, office, department, manager, employee id
_OLD_HANDS = (
    ("mona", "Mona Vik", OSLO, "Management", None, "10001"),
    ("dana", "Dana Berg", OSLO, "Engineering", "mona", "10002"),
    ("erik", "Erik Dahl", OSLO, "Engineering", "dana", "10003"),
    ("ines", "Ines Moe", OSLO, "Engineering", "dana", "10004"),
    ("jonas", "Jonas Lie", OSLO, "Finance", "mona", "10005"),
    ("liv", "Liv Strand", OSLO, "Finance", "jonas", "10006"),
    ("owen", "Owen Price", LONDON, "Sales", "mona", "10007"),
    ("ruth", "Ruth Adeyemi", LONDON, "Sales", "owen", "10008"),
    ("tariq", "Tariq Khan", LONDON, "Sales", "owen", "10009"),
    ("wendy", "Wendy O'Neill", LONDON, "Legal", "mona", "10010"),
    ("carlos", "Carlos Ruiz", NEW_YORK, "Support", "mona", "10011"),
    ("grace", "Grace Chen", NEW_YORK, "Support", "carlos", "10012"),
    ("henry", "Henry Walsh", NEW_YORK, "Support", "carlos", "10013"),
    ("nadia", "Nadia Haddad", NEW_YORK, "Marketing", "mona", "10014"),
    # the people who run passes: elevated
    ("desk.agent", "Dev Agarwal", LONDON, "Service desk", "sofia", "10015"),
    ("desk.night", "Nils Aas", OSLO, "Service desk", "sofia", "10016"),
    ("sofia", "Sofia Lang", OSLO, "Service desk", "mona", "10017"),
    ("approver", "Paula Nunez", NEW_YORK, "Security", "mona", "10018"),
    ("operator", "Olav Ness", OSLO, "Platform", "mona", "10019"),
    # the powerful: never
    ("root", "Robin Holt", OSLO, "Platform", "mona", "10020"),
    ("eligible", "Elin Sund", OSLO, "Platform", "mona", "10021"),
    ("viagroup", "Viggo Haug", LONDON, "Platform", "mona", "10022"),
    ("pimgroup", "Pia Rask", LONDON, "Platform", "mona", "10023"),
    ("auadmin", "Aud Brekke", NEW_YORK, "Platform", "mona", "10024"),
    ("activated", "Akira Mori", NEW_YORK, "Platform", "mona", "10025"),
    ("custom", "Cato Wiik", OSLO, "Platform", "mona", "10026"),
    ("restricted", "Rita Falk", OSLO, "Board office", "mona", "10027"),
    # people with something odd about them
    ("excluded", "Edda Foss", LONDON, "Trading", "owen", "10028"),
    ("leaver", "Lars Enger", OSLO, "Engineering", "dana", "10029"),
    ("sleeping", "Silje Knut", OSLO, "Engineering", "dana", "10030"),
    ("ownboss", "Otto Selmer", LONDON, "Sales", "ownboss", "10031"),
    ("twin.one", "Tina Grant", NEW_YORK, "Support", "carlos", "10032"),
    ("twin.two", "Tina Grant", NEW_YORK, "Marketing", "nadia", "10032"),
)
# More of those who run passes, and those whom tickets are about: they have all but Windows Hello.
_DEVICE_LOSERS = (
    ("desk.day", "Mei Tan", LONDON, "Service desk", "sofia", "10060"),
    ("approver.two", "Yusuf Demir", LONDON, "Security", "mona", "10061"),
    ("lena", "Lena Brandt", OSLO, "Sales", "jonas", "10062"),  # lost her phone
    ("vera", "Vera Nilsen", OSLO, "Finance", "mona", "10063"),  # a manager whose account is three days old
    ("theo", "Theo Bakke", OSLO, "Finance", "vera", "10064"),
    ("omar", "Omar Said", NEW_YORK, "Research", None, "10065"),  # set up, without a manager
    ("hugo", "Hugo Lind", LONDON, "Legal", "wendy", "10066"),  # changed his password an hour ago
    ("idle", "Ida Lesch", LONDON, "Legal", "wendy", "10067"),  # set up and disabled
)
# name, full name, office, department, manager, employee id, hired in days from today
_JOINERS = (
    ("ada", "Ada Lund", OSLO, "Engineering", "dana", "10042", 1),
    ("bo", "Bo Nygaard", OSLO, "Finance", "jonas", "10043", 0),
    ("cleo", "Cleo Marsh", LONDON, "Sales", "owen", "10044", 3),
    ("dev", "Devon Pike", NEW_YORK, "Support", "carlos", "10045", 1),
    ("eve", "Eve Quist", OSLO, "Engineering", "leaver", "10046", 1),  # manager disabled
    ("finn", "Finn Roe", LONDON, "Sales", f"partner_fabrikam.com#EXT#@{DOMAIN}", "10047", 1),  # manager a guest
    ("gus", "Gus Tran", NEW_YORK, "Marketing", None, "10048", 1),  # no manager
)


def contoso(clock: Clock, seed: int = 0) -> Directory:
    """Return the tenant as it is at `clock()`; the same seed makes the same passcodes."""
    directory = Directory(clock, seed)
    now = clock().replace(microsecond=0)
    for name, full_name, office, department, manager, employee_id in _OLD_HANDS:
        _add(
            directory,
            name,
            full_name,
            office,
            department=department,
            manager=manager,
            employee_id=employee_id,
            created=now - 3 * _YEARS,
        )
        _strong_methods(directory, name, now - 2 * _YEARS)
    _device_losers(directory, now)
    for name, full_name, office, department, manager, employee_id, days in _JOINERS:
        hire(
            directory,
            name,
            full_name=full_name,
            office=office,
            department=department,
            manager=manager,
            employee_id=employee_id,
            hired=_midnight(now) + timedelta(days=days),
            created=now - timedelta(days=2),
        )
    _others(directory, now)
    _groups(directory)
    _powers(directory, now)
    directory.change(upn("leaver"), account_enabled=False)
    directory.change(upn("sleeping"), account_enabled=False)
    directory.change(upn("restricted"), is_management_restricted=True)
    directory.passes.policy = Policy(
        minimum_lifetime=60,
        maximum_lifetime=480,
        length=12,
        include=(group_id(ALLOWED),),
        exclude=(group_id(FORBIDDEN),),
    )
    directory.senders = frozenset({MAILBOX})
    return directory


def hire(
    directory: Directory,
    name: str,
    *,
    full_name: str,
    employee_id: str | None,
    manager: str | None = "dana",
    office: Office = OSLO,
    department: str = "Engineering",
    hired: datetime | None = None,
    created: datetime | None = None,
    visible_after: timedelta = timedelta(0),
    indexed_after: timedelta = timedelta(0),
) -> Person:
    """Add a joiner without any method but a password, and put them among the new colleagues.

    `created` is now unless said. Reads by id find them `visible_after` that, filters `indexed_after` that.
    """
    made = created or directory.clock()
    person = _add(
        directory,
        name,
        full_name,
        office,
        department=department,
        manager=manager,
        employee_id=employee_id,
        created=made,
        employee_hire_date=hired or _midnight(made) + timedelta(days=1),
        visible_at=made + visible_after,
        indexed_at=made + max(visible_after, indexed_after),
    )
    directory.methods.add(Method(PASSWORD_ID, person.object_id, Kind.PASSWORD, made))
    if group_id(NEW_COLLEAGUES) in directory.groups.by_id:
        directory.groups.join(group_id(NEW_COLLEAGUES), person.object_id)
    return person


def _add(
    directory: Directory,
    name: str,
    full_name: str,
    office: Office,
    *,
    department: str,
    manager: str | None,
    employee_id: str | None,
    created: datetime,
    **more: Any,
) -> Person:
    given, _, surname = full_name.partition(" ")
    values: dict[str, Any] = {
        "object_id": person_id(name),
        "user_principal_name": upn(name),
        "display_name": full_name,
        "given_name": given,
        "surname": surname,
        "mail": upn(name),
        "office_location": office.name,
        "usage_location": office.usage_location,
        "preferred_language": office.language,
        "department": department,
        "employee_id": employee_id,
        "employee_hire_date": created,
        "manager_id": person_id(manager) if manager else None,
        "created_date_time": created,
        "visible_at": created,
        "indexed_at": created,
        "last_password_change_date_time": created,
    }
    return directory.add(Person(**{**values, **more}))


def _others(directory: Directory, now: datetime) -> None:
    """Add guests, the break-glass account and the shared mailbox."""
    made: dict[str, Any] = {"created": now - _YEARS, "employee_id": None}
    _add(  # an internal guest: may have a pass
        directory, "contractor", "Kim Vance", LONDON, department="Legal", manager="wendy", user_type="Guest", **made
    )
    for name, full_name in (("partner", "Petra Novak"), ("supplier", "Sami Aho")):
        _add(
            directory,
            f"{name}_fabrikam.com#EXT#@{DOMAIN}",
            full_name,
            LONDON,
            department="Partners",
            manager="owen",
            mail=f"{name}@fabrikam.com",
            user_type="Guest",
            creation_type="Invitation",
            external_user_state="Accepted",
            **made,
        )
    unmanaged: dict[str, Any] = {**made, "department": "Platform", "manager": None}
    _add(directory, BREAK_GLASS, "Break Glass", OSLO, mail=None, **unmanaged)
    _add(directory, MAILBOX, "Passdesk", OSLO, account_enabled=False, **unmanaged)


def _device_losers(directory: Directory, now: datetime) -> None:
    """Add those whom tickets are about, each with what is odd about them."""
    for name, full_name, office, department, manager, employee_id in _DEVICE_LOSERS:
        _add(
            directory,
            name,
            full_name,
            office,
            department=department,
            manager=manager,
            employee_id=employee_id,
            created=now - timedelta(days=3) if name == "vera" else now - 3 * _YEARS,
        )
        _strong_methods(directory, name, now - _YEARS, hello=False)
    directory.change(upn("hugo"), last_password_change_date_time=now - timedelta(hours=1))
    directory.change(upn("idle"), account_enabled=False)


def _strong_methods(directory: Directory, name: str, created: datetime, *, hello: bool = True) -> None:
    """Register what an old hand has: password, phone, Authenticator, a security key and (mostly) Windows Hello."""
    owner = person_id(name)

    def own(kind: Kind, **details: Any) -> None:
        method_id = PASSWORD_ID if kind is Kind.PASSWORD else str(uuid.uuid5(_NAMESPACE, f"{name}:{kind}"))
        directory.methods.add(Method(method_id, owner, kind, created, details))

    own(Kind.PASSWORD)
    own(Kind.PHONE, phoneNumber="+47 5550 0100", phoneType="mobile", smsSignInState="notAllowedByPolicy")
    own(Kind.AUTHENTICATOR, displayName=f"{name}'s phone", deviceTag="SoftwareTokenActivated", phoneAppVersion="6.8")
    own(Kind.FIDO2, displayName="Security key", aaGuid="2fc0579f-8113-47ea-b116-bb5a8db9202a", model="YubiKey 5")
    if hello:
        own(Kind.WINDOWS_HELLO, displayName=f"{name}-laptop", keyStrength="normal")


def _groups(directory: Directory) -> None:
    """Make the groups: staff and new colleagues are nested in the group that may have passes."""
    joiners = frozenset(person_id(j[0]) for j in _JOINERS)
    staff = frozenset(person_id(p[0]) for p in (*_OLD_HANDS, *_DEVICE_LOSERS)) | {
        person_id("contractor"),
        person_id(BREAK_GLASS),
    }
    for name, members, assignable in (
        (NEW_COLLEAGUES, joiners, False),
        (STAFF, staff, False),
        (ALLOWED, frozenset({group_id(STAFF), group_id(NEW_COLLEAGUES)}), False),
        (FORBIDDEN, frozenset({person_id("excluded")}), False),
        (SERVICE_DESK, frozenset(person_id(n) for n in ("desk.agent", "desk.night", "desk.day", "sofia")), False),
        (APPROVERS, frozenset(person_id(n) for n in ("approver", "approver.two", "sofia")), False),
        (OPERATORS, frozenset({person_id("operator")}), False),
        (TIER_ZERO, frozenset({person_id("viagroup")}), True),
        (CLOUD_ADMINS, frozenset[str](), True),
    ):
        directory.groups.add(Group(group_id(name), name, members, assignable))


def _powers(directory: Directory, now: datetime) -> None:
    """Give out the roles, one person for each way of holding power."""
    roles, long_ago = directory.roles, now - _YEARS

    def grant(name: str, role: str, **more: Any) -> Grant:
        return Grant(person_id(name), role, long_ago, **more)

    unit = f"/administrativeUnits/{unit_id('New York')}"
    shift = {"activated": True, "end": now + timedelta(hours=8)}
    roles.active += [
        grant("root", GLOBAL_ADMINISTRATOR.definition_id),
        grant(BREAK_GLASS, GLOBAL_ADMINISTRATOR.definition_id),
        grant("auadmin", HELPDESK_ADMINISTRATOR.definition_id, scope=unit),
        grant("custom", READER_CUSTOM.definition_id),
        grant("activated", AUTHENTICATION_ADMINISTRATOR.definition_id, **shift),
        Grant(group_id(TIER_ZERO), USER_ADMINISTRATOR.definition_id, long_ago),
    ]
    roles.eligible += [
        grant("eligible", USER_ADMINISTRATOR.definition_id),
        grant("activated", AUTHENTICATION_ADMINISTRATOR.definition_id),
        Grant(group_id(CLOUD_ADMINS), GLOBAL_ADMINISTRATOR.definition_id, long_ago),
    ]
    roles.group_eligible.append(grant("pimgroup", group_id(CLOUD_ADMINS)))


def _midnight(instant: datetime) -> datetime:
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)

"""Rules about who may do what, in Azure and in the directory."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from local.rights import AUDIT, COMPLETION, COURIER, ISSUER, ISSUING, Identity
from tests.infra.tree import ACCESS, Infra, text

_GRANT = "Microsoft.Authorization/roleAssignments"

_ROLES = {
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": "send",
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": "receive",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "write",
    "76199698-9eea-4c19-bc75-cec21354c6b6": "read",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "hostBlobs",
    "3913510d-42f4-4e42-8a64-420c390055eb": "publishMetrics",
}
# Where each kind of grant may reach. Nothing reaches a namespace, the ledger's account or the resource group.
_SCOPES = {
    "queue[i]", "topic[i]", "subscriptionOf[i]", "table[i]", "vault", "hostStorage[i]", "insights",
}  # fmt: skip


def _granted(infra: Infra, variable: str, who: str) -> set[tuple[str, str]]:
    return {
        (str(row["on"]), _ROLES.get(str(row["role"]), f"unknown role {row['role']}"))
        for row in infra.table(ACCESS, variable)
        if row["who"] == who
    }


def rights_are_the_desks(infra: Infra) -> Iterator[str]:
    """Every right in Azure is one of local/rights.py, and the other way round."""
    for who in (ISSUER, COURIER):
        bus = _granted(infra, "queueGrants", who.name) | _granted(infra, "topicGrants", who.name)
        desk = {(entity, right) for entity, rights in who.queues.items() for right in rights}
        yield from _differ(who, "bus", bus, desk)
        yield from _differ(who, "tables", _granted(infra, "tableGrants", who.name), set(who.tables.items()))
        actions = {
            (str(action).removeprefix("Microsoft.KeyVault/vaults/"), "vault")
            for row in infra.table(ACCESS, "vaultRoles")
            if row["who"] == who.name and isinstance(row["dataActions"], list)
            for action in row["dataActions"]
        }
        yield from _differ(who, "vault", actions, {(action, "vault") for action in who.vault})


def _differ(
    who: Identity, what: str, here: AbstractSet[tuple[str, str]], desk: AbstractSet[tuple[str, str]]
) -> Iterator[str]:
    for right in sorted(here - desk):
        yield f"{who.name} has {right} ({what}) in infra only"
    for right in sorted(desk - here):
        yield f"{who.name} has {right} ({what}) on the desk only"


def rights_are_small(infra: Infra) -> Iterator[str]:
    """Every role is one that we know, on a small scope, in access.bicep; outsiders only send or listen."""
    for grant in infra.made(_GRANT):
        if grant.file != ACCESS:
            yield f"{grant.file} grants a right: they stand in {ACCESS} alone"
        if text(grant.get("scope")) not in _SCOPES:
            yield f"a right reaches {text(grant.get('scope'))}"
    ids = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", infra.texts[ACCESS])
    for unknown in sorted(set(ids) - _ROLES.keys()):
        yield f"unknown role {unknown}"
    outside = {
        (str(row["who"]), str(row["on"]), _ROLES.get(str(row["role"]), ""))
        for variable in ("queueGrants", "topicGrants", "subscriptionGrants", "tableGrants")
        for row in infra.table(ACCESS, variable)
        if row["who"] not in ("issuer", "courier")
    }
    if outside != {
        ("hr", "joiners", "send"),
        ("itsm", "tickets", "send"),
        ("hr", "hr", "receive"),
        ("itsm", "itsm", "receive"),
    }:
        yield f"outsiders may {sorted(outside)}"
    for role in infra.made("Microsoft.Authorization/roleDefinitions"):
        if role.get("properties.permissions") is None or "*" in str(role.get("properties.permissions")):
            yield "a custom role has a wildcard"


_ROLE_SETS = {"roles": ISSUING, "completion_roles": COMPLETION, "audit_roles": AUDIT}


def directory_roles_are_the_desks(infra: Infra) -> Iterator[str]:
    """infra/grant-graph gives the issuer what local/rights.py says, set by set, and the courier nothing."""
    every: set[str] = set()
    for name, desk in _ROLE_SETS.items():
        block = re.search(rf'^{name}="\n(.*?)^"', infra.texts["grant-graph"], re.MULTILINE | re.DOTALL)
        listed = set(block.group(1).split()) if block else set()
        every |= listed
        if listed != desk:
            yield f"grant-graph ({name}) and local/rights.py differ in {sorted(listed ^ desk)}"
    if ISSUER.graph != frozenset[str]().union(*_ROLE_SETS.values()):
        yield "the issuer on the desk has a role that is in no set"
    if "Mail.Send" in every:
        yield "Mail.Send in the directory reaches every mailbox"

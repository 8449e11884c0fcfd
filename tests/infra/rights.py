"""Rules about who may do what in Azure: the table in access.bicep, and that each row is granted as it is written."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from local.rights import COURIER, ISSUER, Identity
from tests.infra.bicep import Declared, Loop, Value
from tests.infra.tree import ACCESS, Infra, dig, text

_GRANT = "Microsoft.Authorization/roleAssignments"
_ROLE = "Microsoft.Authorization/roleDefinitions"
_COLUMNS = ("who", "may", "kind", "on", "why")

# Azure's built-in roles that we use, by the word in the table.
_ROLES = {
    "send": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    "receive": "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "write": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "read": "76199698-9eea-4c19-bc75-cec21354c6b6",
    "ownBlobs": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "publish": "3913510d-42f4-4e42-8a64-420c390055eb",
}
# What each kind of row may say, and the scope that it is granted on: nothing reaches a namespace, the ledger's account
# or the resource group.
_KINDS = {
    "queue": ({"send", "receive"}, "queue[i]"),
    "topic": ({"send"}, "topic[i]"),
    "subscription": ({"receive"}, "subscriptionOf[i]"),
    "table": ({"read", "write"}, "table[i]"),
    "host": ({"ownBlobs"}, "hostStorage[i]"),
    "insights": ({"publish"}, "insights"),
}
# The existing resources that a scope stands for: the rows that they come from, and the name of one.
_SCOPES = {
    "queue": ("queueGrants", "g.on"),
    "topic": ("topicGrants", "g.on"),
    "subscriptionOf": ("subscriptionGrants", "${busName}/${g.on}"),
    "table": ("tableGrants", "${ledgerName}/default/${g.on}"),
    "hostStorage": ("hostGrants", "hostStorageNames[g.on]"),
}
_OUTSIDERS = {
    ("hr", "send", "queue", "joiners"),
    ("itsm", "send", "queue", "tickets"),
    ("hr", "receive", "subscription", "outcomes/hr"),
    ("itsm", "receive", "subscription", "outcomes/itsm"),
}
_HOST = {
    (who, may, kind, on)
    for who in ("issuer", "courier")
    for may, kind, on in (("ownBlobs", "host", who), ("publish", "insights", "telemetry"))
}

type Row = tuple[str, str, str, str]


def rows(infra: Infra) -> set[Row]:
    """Return the table: who, may, kind, on."""
    return {(str(r["who"]), str(r["may"]), str(r["kind"]), str(r["on"])) for r in infra.table(ACCESS, "grants")}


def desk_rows(who: Identity) -> set[Row]:
    """Return what the desk gives an identity, as rows of the table; Graph is not in it."""
    topics = ("outcomes", "security")
    found = {
        (who.name, right, "topic" if entity in topics else "queue", entity)
        for entity, rights in who.queues.items()
        for right in rights
    }
    found |= {(who.name, right, "table", table) for table, right in who.tables.items()}
    return found | {(who.name, action, "vault", "passes") for action in who.vault}


def the_table_is_the_desks(infra: Infra) -> Iterator[str]:
    """Every right of the table is one of local/rights.py, and the other way round; outsiders only send or listen."""
    wanted = desk_rows(ISSUER) | desk_rows(COURIER) | _OUTSIDERS | _HOST
    yield from _differ(rows(infra), wanted, "the table", "the desk")


def _differ(here: AbstractSet[Row], there: AbstractSet[Row], name: str, other: str) -> Iterator[str]:
    for row in sorted(here - there):
        yield f"{' '.join(row)}: {name} has it, {other} does not"
    for row in sorted(there - here):
        yield f"{' '.join(row)}: {other} has it, {name} does not"


def the_table_is_whole(infra: Infra) -> Iterator[str]:
    """Each row has a who, a role that we know, a scope of that kind, and a reason; no row stands twice."""
    table = infra.table(ACCESS, "grants")
    if not table:
        yield "there is no table"
    if len(rows(infra)) != len(table):
        yield "a row stands twice"
    for row in table:
        if tuple(row) != _COLUMNS or not all(isinstance(row[c], str) and row[c] for c in _COLUMNS):
            yield f"{row} is not who, may, kind, on, why"
            continue
        words, _ = _KINDS.get(str(row["kind"]), (set(), ""))
        if row["kind"] == "vault":
            if not re.fullmatch(r"secrets/(?:\w+/action|delete)", str(row["may"])):
                yield f"{row['may']} is no data action on secrets"
        elif row["may"] not in words:
            yield f"{row['may']} is nothing that one may on a {row['kind']}"
    if infra.files[ACCESS].variables.get("roles") != _ROLES:
        yield f"the roles are not {_ROLES}"
    ids = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", infra.texts[ACCESS])
    for unknown in sorted(set(ids) - set(_ROLES.values())):
        yield f"unknown role {unknown}"


def the_table_is_granted_as_it_is_written(infra: Infra) -> Iterator[str]:
    """One assignment for each kind, over the rows of that kind, to whom and with what the row says."""
    for file, bicep in infra.files.items():
        if file != ACCESS and any(d.kind.startswith((_GRANT, _ROLE)) for d in bicep.resources):
            yield f"{file} grants a right: they stand in {ACCESS} alone"
    wanted = {scope: f"{kind}Grants" for kind, (_, scope) in _KINDS.items()} | {"vault": "apps"}
    found: dict[str, str] = {}
    for declared in infra.files[ACCESS].resources:
        if declared.kind.startswith(_GRANT):
            source, body = _loop(declared)
            found[text(dig(body, "scope"))] = source
            person, role = ("principals[a]", "vaultRole[i].id") if source == "apps" else ("principals[g.who]", "g.may")
            if text(dig(body, "properties.principalId")) != person:
                yield f"{declared.symbol} is granted to {text(dig(body, 'properties.principalId'))}"
            if role not in text(dig(body, "properties.roleDefinitionId")):
                yield f"{declared.symbol} grants another role than its row says"
    for scope in sorted(wanted.keys() | found.keys()):
        if wanted.get(scope) != found.get(scope):
            yield f"on {scope or 'the resource group'} the rows of {found.get(scope)} are granted"


def _loop(declared: Declared) -> tuple[str, Value]:
    """Return what a declared resource loops over ("" when it does not), and the body of one."""
    if isinstance(declared.value, Loop):
        return text(declared.value.source), declared.value.body
    return "", declared.value


def scopes_are_what_the_rows_name(infra: Infra) -> Iterator[str]:
    """Each scope is the one entity that its row names, and the rows of a kind are that kind's."""
    for declared in infra.files[ACCESS].resources:
        if declared.existing and declared.symbol in _SCOPES:
            source, body = _loop(declared)
            if (source, text(dig(body, "name"))) != _SCOPES[declared.symbol]:
                yield f"{declared.symbol} is not what the rows of {_SCOPES[declared.symbol][0]} name"
    variables = infra.files[ACCESS].variables
    for kind in (*_KINDS, "vault"):
        if text(variables.get(f"{kind}Grants")) != f"filter(grants,g=>g.kind=='{kind}')":
            yield f"{kind}Grants are not the rows of that kind"


def vault_roles_are_the_tables(infra: Infra) -> Iterator[str]:
    """Each app has one custom role, made of its own rows; nobody who sets may read, and nothing is a wildcard."""
    for role in infra.made(_ROLE):
        permissions = role.get("properties.permissions")
        first = permissions[0] if isinstance(permissions, list) and len(permissions) == 1 else None
        actions = text(dig(first, "dataActions"))
        if dig(first, "actions") != [] or not re.fullmatch(
            r"map\(filter\(vaultGrants,g=>g\.who==a\),g=>'Microsoft\.KeyVault/vaults/\$\{g\.may\}'\)", actions
        ):
            yield f"{role.kind} is not made of the table's rows"
        if text(role.get("properties.assignableScopes")) != "[Expression(text='resourceGroup ( ) . id')]":
            yield "a custom role may be assigned beyond the resource group"
    vault = {(who, may) for who, may, kind, _ in rows(infra) if kind == "vault"}
    for who, may in sorted(vault):
        if "*" in may or may.endswith(("backup/action", "restore/action", "recover/action")):
            yield f"{who} {may} in the vault"
    for who in {who for who, may in vault if may == "secrets/setSecret/action"}:
        if (who, "secrets/getSecret/action") in vault:
            yield f"{who} both sets and reads secrets"

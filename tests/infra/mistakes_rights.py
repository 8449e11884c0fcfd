"""Mistakes in who may do what."""

_MAIN = "main.bicep"
_VAULT = "modules/vault.bicep"
_ACCESS = "modules/access.bicep"
_DIRECTORY = "directory.bicep"
_GRAPH = "grant-graph"
_MAIL = "grant-mail"
_PAGE = "docs/permissions.md"

_ROW = "  { who: 'courier', may: 'read', kind: 'table', on: 'requests', why: 'whose pass it is and who may see it' }\n"
_GRANT = "resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {\n  scope: vault\n}\n\nresource log "
_TABLE = [
    (
        "more than is needed",
        _ACCESS,
        "may: 'read', kind: 'table', on: 'requests'",
        "may: 'write', kind: 'table', on: 'requests'",
    ),
    ("a role is lacking", _ACCESS, _ROW, ""),
    (
        "an extra role",
        _ACCESS,
        _ROW,
        _ROW + "  { who: 'courier', may: 'send', kind: 'topic', on: 'outcomes', why: 'x' }\n",
    ),
    (
        "the vault is readable by the issuer",
        _ACCESS,
        "who: 'issuer', may: 'secrets/delete'",
        "who: 'issuer', may: 'secrets/getSecret/action'",
    ),
    (
        "an outsider listens",
        _ACCESS,
        "who: 'hr', may: 'send', kind: 'queue'",
        "who: 'hr', may: 'receive', kind: 'queue'",
    ),
    ("an app owns the other's code", _ACCESS, "kind: 'host', on: 'courier'", "kind: 'host', on: 'issuer'"),
]
_WHOLE = [
    ("a right without a reason", _ACCESS, "why: 'one event for each joiner'", "why: ''"),
    (
        "a role of another resource",
        _ACCESS,
        "may: 'read', kind: 'table', on: 'requests'",
        "may: 'read', kind: 'queue', on: 'requests'",
    ),
    (
        "another role under a known word",
        _ACCESS,
        "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
        "090c5cfd-751d-490a-894a-3ce6f1109419",
    ),
    ("a row twice", _ACCESS, _ROW, _ROW + _ROW),
    ("a role by its id", _ACCESS, "var apps =", "var owner = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'\nvar apps ="),
]
_GRANTED = [
    ("a namespace in place of a queue", _ACCESS, "scope: queue[i]", "scope: bus"),
    ("a whole resource group", _ACCESS, "  scope: table[i]\n", ""),
    ("a grant outside the table", _VAULT, "resource log ", _GRANT),
    (
        "granted to somebody else",
        _ACCESS,
        "    principalId: principals[g.who]\n",
        "    principalId: principals.issuer\n",
    ),
    ("granted another role", _ACCESS, "roleDefinitions', roles[g.may])", "roleDefinitions', roles.send)"),
    ("rows that nobody grants", _ACCESS, "[for g in insightsGrants: {", "[for g in hostGrants: {"),
]
_SCOPES = [
    ("an account in place of a table", _ACCESS, "'${ledgerName}/default/${g.on}'", "'${ledgerName}/default/*'"),
    (
        "rows of another kind",
        _ACCESS,
        "filter(grants, g => g.kind == 'queue')",
        "filter(grants, g => g.kind == 'topic')",
    ),
]
_VAULT_ROLES = [
    ("a wildcard", _ACCESS, "'Microsoft.KeyVault/vaults/${g.may}')", "'Microsoft.KeyVault/vaults/*')"),
    ("everybody's actions for everybody", _ACCESS, "g => g.who == a)", "g => true)"),
    (
        "who sets also reads",
        _ACCESS,
        "who: 'issuer', may: 'secrets/delete'",
        "who: 'issuer', may: 'secrets/getSecret/action'",
    ),
    (
        "a role for the subscription",
        _ACCESS,
        "assignableScopes: [resourceGroup().id]",
        "assignableScopes: [subscription().id]",
    ),
]
_DIRECTORY_ROLES = [
    ("a greater role in the script", _GRAPH, "User.Read.All\n", "User.ReadWrite.All\n"),
    ("mail for every mailbox", _GRAPH, "\nUser.Read.All\n", "\nUser.Read.All\nMail.Send\n"),
    ("a role is lacking in the script", _GRAPH, "UserAuthMethod-Phone.ReadWrite.All\n", ""),
    ("the log is not read", _GRAPH, "AuditLog.Read.All\n", "\n"),
    ("a greater role in Bicep", _DIRECTORY, "'User.Read.All'", "'Directory.ReadWrite.All'"),
    ("no reason in Bicep", _DIRECTORY, "why: 'eligibility through a group (PIM)'", "why: ''"),
]
_TOGETHER = "module directory 'directory.bicep' = {\n  name: 'd'\n}\n\nmodule access"
_BY_NAME = [
    (
        "a remembered id",
        _DIRECTORY,
        "filter(graph.appRoles, r => r.value == g.role && contains(r.allowedMemberTypes, 'Application'))[0].id",
        "'627169a8-8c15-451c-861a-5b80e383de5c'",
    ),
    ("optional rights for everybody", _DIRECTORY, "withAudit ? audit : []", "audit"),
    ("the courier gets rights", _DIRECTORY, "principalId: issuerPrincipalId", "principalId: courierPrincipalId"),
    ("no warning", _PAGE, "Tier-0", "fine"),
    ("part of main.bicep", _MAIN, "module access", _TOGETHER),
]
_MAILBOX = [
    ("a greater mail role", _MAIL, "'Application Mail.Send'", "'Application Mail.Full Access'"),
    ("every mailbox", _MAIL, " -CustomResourceScope 'passdesk-notices'", ""),
    ("many mailboxes", _MAIL, "PrimarySmtpAddress -eq '$3'", "PrimarySmtpAddress -like '*'"),
]
_PERMISSIONS_PAGE = [
    ("the page lacks a right", _PAGE, "| `send` | asks | `send` |  |\n", ""),
    ("the page has a right too many", _PAGE, "| `send` | asks |", "| `send` | joiners |  |  |\n| `send` | asks |"),
]

MISTAKES = {
    "the_table_is_the_desks": _TABLE,
    "the_table_is_whole": _WHOLE,
    "the_table_is_granted_as_it_is_written": _GRANTED,
    "scopes_are_what_the_rows_name": _SCOPES,
    "vault_roles_are_the_tables": _VAULT_ROLES,
    "directory_roles_are_the_desks": _DIRECTORY_ROLES,
    "directory_roles_are_granted_by_name": _BY_NAME,
    "mail_is_one_mailbox": _MAILBOX,
    "permissions_page_is_the_table": _PERMISSIONS_PAGE,
}

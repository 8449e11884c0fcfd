"""Rules about rights in the directory and in Exchange, and about the page that shows all rights."""

import re
from collections.abc import Iterator

from local.rights import AUDIT, COMPLETION, COURIER, ISSUER, ISSUING
from tests.infra.rights import rows
from tests.infra.tree import DIRECTORY, Infra, text

_TAP = "UserAuthMethod-TAP.ReadWrite.All"
# Set by set: the variable in the script, the one in directory.bicep, and the desk's roles.
_SETS = (
    ("read_roles", "reading", ISSUING - {_TAP}),
    ("pass_roles", "passes", frozenset({_TAP})),
    ("completion_roles", "completion", COMPLETION),
    ("audit_roles", "audit", AUDIT),
)
_GRANTED = (
    "concat(reading,byAdministrativeUnit?[]:passes,"
    "withCompletion&&!byAdministrativeUnit?completion:[],withAudit?audit:[])"
)
_BY_NAME = "filter(graph.appRoles,r=>r.value==g.role&&contains(r.allowedMemberTypes,'Application'))[0].id"


def directory_roles_are_the_desks(infra: Infra) -> Iterator[str]:
    """Script and Bicep give the issuer what local/rights.py says, set by set, and the courier nothing."""
    for script, variable, desk in _SETS:
        block = re.search(rf'^{script}="\n(.*?)^"', infra.texts["grant-graph"], re.MULTILINE | re.DOTALL)
        listed = set(block.group(1).split()) if block else set()
        if listed != desk:
            yield f"grant-graph ({script}) and local/rights.py differ in {sorted(listed ^ desk)}"
        table = infra.table(DIRECTORY, variable)
        named = {str(row.get("role")) for row in table}
        if named != desk:
            yield f"{DIRECTORY} ({variable}) and local/rights.py differ in {sorted(named ^ desk)}"
        if not all(row.get("why") for row in table):
            yield f"{DIRECTORY} ({variable}) has a right without a reason"
    if ISSUER.graph != frozenset[str]().union(*(desk for _, _, desk in _SETS)):
        yield "the issuer on the desk has a role that is in no set"
    code = [line for line in infra.texts["grant-graph"].splitlines() if not line.startswith("#")]
    if any("Mail." in line for line in code) or "'Mail." in infra.texts[DIRECTORY]:
        yield "Mail.Send in the directory reaches every mailbox"


def directory_roles_are_granted_by_name(infra: Infra) -> Iterator[str]:
    """directory.bicep grants those sets and no other, each by the id that the directory has for the name today."""
    file = infra.files[DIRECTORY]
    if text(file.variables.get("granted")) != _GRANTED:
        yield f"{DIRECTORY} grants {text(file.variables.get('granted'))}"
    made = [d for d in file.resources if not d.existing]
    if [d.kind for d in made] != ["Microsoft.Graph/appRoleAssignedTo@v1.0"]:
        yield f"{DIRECTORY} makes something else than app role assignments"
    for grant in infra.made("Microsoft.Graph/appRoleAssignedTo"):
        body = getattr(grant.value, "body", None)
        if not isinstance(body, dict) or text(body.get("appRoleId")) != _BY_NAME:
            yield f"{DIRECTORY} does not look the role's id up by its name"
        elif text(body.get("principalId")) != "issuerPrincipalId":
            yield f"{DIRECTORY} grants to somebody else than the issuer"
    guids = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", infra.texts[DIRECTORY])
    if guids != ["00000003-0000-0000-c000-000000000000"]:
        yield f"{DIRECTORY} remembers an id"
    if any(m.kind.endswith(DIRECTORY) for m in infra.files["main.bicep"].modules):
        yield f"main.bicep grants Tier-0 rights unasked: {DIRECTORY} stands apart"
    for path in (DIRECTORY, "grant-graph", "docs/permissions.md"):
        if "Tier-0" not in infra.texts[path] and "TIER-0" not in infra.texts[path]:
            yield f"{path} does not say that these rights are Tier-0"


def mail_is_one_mailbox(infra: Infra) -> Iterator[str]:
    """Exchange gives the courier its mail right, with a scope of one recipient."""
    script = infra.texts["grant-mail"]
    if COURIER.graph != {"Mail.Send"}:
        yield f"the courier holds {sorted(COURIER.graph)} on the desk"
    if re.findall(r"-Role '([^']+)'", script) != ["Application Mail.Send"]:
        yield "grant-mail grants another role than Application Mail.Send"
    if "-CustomResourceScope 'passdesk-notices'" not in script:
        yield "grant-mail grants it on every mailbox"
    if set(re.findall(r"-RecipientRestrictionFilter (.+)$", script, re.MULTILINE)) != {
        "\\\"PrimarySmtpAddress -eq '$3'\\\""
    }:
        yield "grant-mail's scope is not one mailbox"


_SERVICES = {"Microsoft Graph": "graph", "Key Vault": "vault", "Tables": "table", "Service Bus": "bus"}


def permissions_page_is_the_table(infra: Infra) -> Iterator[str]:
    """docs/permissions.md shows the table of access.bicep, and the sets of directory.bicep, no more and no less."""
    shown: set[tuple[str, str, str, str]] = set()
    who = service = ""
    for line in infra.texts["docs/permissions.md"].splitlines():
        if line.startswith("## "):
            who = line[3:]
        elif heading := re.match(r"\| \*\*(\w+(?: \w+)?)", line):
            service = next((v for k, v in _SERVICES.items() if heading.group(1).startswith(k)), "")
        elif row := re.match(r"\| `([^`]+)` \| (\S*) ?\|", line):
            shown.add((who, row.group(1), service, row.group(2)))
    here = {
        (person, may, "bus" if kind in ("queue", "topic") else kind, "" if kind == "vault" else on)
        for person, may, kind, on in rows(infra)
        if person in ("issuer", "courier") and kind not in ("host", "insights")
    }
    here |= {
        ("issuer", str(row["role"]), "graph", "") for _, name, _ in _SETS for row in infra.table(DIRECTORY, name)
    } | {("courier", "Mail.Send", "graph", "")}
    for right in sorted(shown - here):
        yield f"{' '.join(right)}: docs/permissions.md has it, infra does not"
    for right in sorted(here - shown):
        yield f"{' '.join(right)}: infra has it, docs/permissions.md does not"

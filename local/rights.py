"""Who holds which rights: one table that every stand-in enforces, so that a missing right fails here as in Azure.

What needs which right: `permissions.py`.

An identity has app roles on Microsoft Graph (they travel in its token) and roles on vault, tables and
queues (they are looked up by the identity's object id, as Azure's role assignments are).
"""

import uuid
from dataclasses import dataclass, field

_NAMESPACE = uuid.UUID("5a1d7a52-94c3-4f0e-8a54-7f8a6d2f1c11")


@dataclass(frozen=True, slots=True)
class Identity:
    """One managed identity and all its rights.

    vault: data actions without their prefix. tables: table -> "read" or "write" (write includes read).
    queues: entity -> any of "send", "receive", "manage". "*" as a key means every entity.
    """

    name: str
    graph: frozenset[str] = frozenset()
    vault: frozenset[str] = frozenset()
    tables: dict[str, str] = field(default_factory=dict)
    queues: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def object_id(self) -> str:
        """Return the service principal's object id (stable per name)."""
        return str(uuid.uuid5(_NAMESPACE, f"object:{self.name}"))

    @property
    def client_id(self) -> str:
        """Return the client id that selects this identity at the managed-identity endpoint."""
        return str(uuid.uuid5(_NAMESPACE, f"client:{self.name}"))

    def on_table(self, table: str) -> frozenset[str]:
        """Return the rights on `table`: "read" or "write", or none."""
        granted = self.tables.get(table, self.tables.get("*"))
        return frozenset() if granted is None else frozenset({granted})

    def on_queue(self, entity: str) -> frozenset[str]:
        """Return the rights on queue, topic or subscription `entity`: any of "send" and "receive"."""
        return self.queues.get(entity, self.queues.get("*", frozenset()))


_SEND = frozenset({"send"})
_RECEIVE = frozenset({"receive"})

# What the issuer needs always; what a completion needs (lost methods removed, sessions revoked); and the audit log.
# The last two are off by default in the product, so in Azure they are granted only when asked for (infra/grant-graph).
ISSUING = frozenset(
    {
        "User.Read.All",
        "GroupMember.Read.All",
        "Policy.Read.AuthenticationMethod",
        "RoleManagement.Read.Directory",
        "PrivilegedEligibilitySchedule.Read.AzureADGroup",
        "UserAuthenticationMethod.Read.All",
        "UserAuthMethod-TAP.ReadWrite.All",
    }
)
COMPLETION = frozenset(
    {
        "UserAuthMethod-MicrosoftAuthApp.ReadWrite.All",
        "UserAuthMethod-Passkey.ReadWrite.All",
        "UserAuthMethod-Phone.ReadWrite.All",
        "UserAuthMethod-WindowsHello.ReadWrite.All",
        "UserAuthMethod-SoftwareOATH.ReadWrite.All",
        "User.RevokeSessions.All",
    }
)
AUDIT = frozenset({"AuditLog.Read.All"})

ISSUER = Identity(
    name="issuer",
    graph=ISSUING | COMPLETION | AUDIT,
    vault=frozenset({"secrets/setSecret/action", "secrets/delete", "secrets/purge/action"}),
    tables={"requests": "write", "due": "write", "handovers": "read"},
    queues={
        "joiners": _RECEIVE,
        "tickets": _RECEIVE,
        "requests": _SEND | _RECEIVE,
        "deliveries": _SEND | _RECEIVE,  # receive: the dead letters of deliveries end in the issuer
        "asks": _RECEIVE,
        "quarantine": _SEND,
        "outcomes": _SEND,
        "security": _SEND,
    },
)

COURIER = Identity(
    name="courier",
    graph=frozenset({"Mail.Send"}),
    vault=frozenset({"secrets/getSecret/action", "secrets/delete"}),
    tables={"requests": "read", "handovers": "write"},
    queues={"deliveries": _RECEIVE, "asks": _SEND},
)

# Nobody in the product: the one that reads everything afterwards and changes nothing.
AUDITOR = Identity(
    name="auditor",
    graph=frozenset({"User.Read.All", "UserAuthMethod-TAP.Read.All", "Mail.Read"}),
    vault=frozenset({"secrets/readMetadata/action"}),
    tables={"*": "read"},
    queues={"*": _RECEIVE},
)

# Whoever runs `python -m ops`: reads what a verdict is made of and what became of it, throws the switch (a row of
# `requests`), and settles the quarantine. Neither mints, nor reads a secret, nor wakes anybody.
OPERATOR = Identity(
    name="operator",
    graph=frozenset(role for role in ISSUING if ".Read." in role) | AUDIT,
    tables={"requests": "write", "due": "read", "handovers": "read"},
    queues={"quarantine": _RECEIVE, "joiners": _SEND, "tickets": _SEND},
)

# Whoever looks at how queues are set up for the doctor: no app may. What `az login` is in Azure.
MANAGER = Identity(name="manager", queues={"*": frozenset({"manage"})})

IDENTITIES = (ISSUER, COURIER, AUDITOR, OPERATOR, MANAGER)


def by_object_id(object_id: str) -> Identity | None:
    """Return the identity with this service-principal object id."""
    return next((i for i in IDENTITIES if i.object_id == object_id), None)


def by_client_id(client_id: str) -> Identity | None:
    """Return the identity with this client id."""
    return next((i for i in IDENTITIES if i.client_id == client_id), None)

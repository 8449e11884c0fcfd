"""Managed identities: who may have a token for which resource, and what stands in it.

The secret in an app's IDENTITY_HEADER decides which identities that app may be; another process's is worth nothing.
"""

import math
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from local.rights import IDENTITIES, Identity
from local.tokens import Signer

_DAY_SECONDS = 86_400


class IdentityRefusal(Exception):
    """The endpoint says no: HTTP `status` and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.correlation_id = str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Issued:
    """A token with what the endpoint says beside it; `expires_on` in epoch seconds."""

    access_token: str
    expires_on: int
    resource: str
    client_id: str


class ManagedIdentities:
    """The identities of this machine's apps.

    headers: secret -> client ids that its holder may be. any_header: a secret whose holder may be all of them, for
    tools outside the product. resources: what tokens exist for (compared without a trailing slash).
    graph_resources: those of them that mean Microsoft Graph; only there a token carries app roles.
    system_assigned: secret -> client id of the identity that answers when no one is named; without an entry a
    request must name one, as with user-assigned identities. seconds: a token's lifetime, a day as in Azure.
    Instants come from the process's clock, because `Signer` and whoever checks its tokens read that one.
    """

    def __init__(
        self,
        signer: Signer,
        *,
        headers: Mapping[str, Collection[str]],
        any_header: str,
        resources: Iterable[str],
        graph_resources: Iterable[str] = (),
        system_assigned: Mapping[str, str] | None = None,
        identities: Collection[Identity] = IDENTITIES,
        seconds: int = _DAY_SECONDS,
    ) -> None:
        self._signer = signer
        self._identities = {identity.client_id: identity for identity in identities}
        self._allowed = {secret: frozenset(ids) for secret, ids in headers.items()}
        self._allowed[any_header] = frozenset(self._identities)
        if "" in self._allowed:
            raise ValueError("an empty identity header would let everybody in")
        self._graph = {_plain(resource) for resource in graph_resources}
        self._resources = {_plain(resource) for resource in resources} | self._graph
        self._system_assigned = dict(system_assigned or {})
        self._seconds = seconds
        self._withheld: set[tuple[str, str]] = set()
        self._late: dict[str, float] = {}

    def withhold(self, identity: str, role: str) -> None:
        """Leave `role` out of new Graph tokens of the identity so named: a fresh role can take a day to arrive."""
        self._withheld.add((identity, role))

    def grant(self, identity: str, role: str) -> None:
        """End a `withhold`."""
        self._withheld.discard((identity, role))

    def be_late(self, role: str, seconds: float) -> None:
        """Leave a role out of everybody's Graph tokens for so long, as an endpoint does that keeps its older ones."""
        self._late[role] = time.time() + seconds

    def forget(self) -> None:
        """End every `be_late`, as a restart of the endpoint's machine may."""
        self._late.clear()

    def token(
        self,
        *,
        header: str,
        resource: str,
        client_id: str | None = None,
        object_id: str | None = None,
    ) -> Issued:
        """Return a token for `resource`, for the identity that is named or the app's own.

        It is made anew for each request, as Azure's endpoint does not; where a role is late it ends when that comes.
        Raises IdentityRefusal: 401 for a wrong secret, 400 for an identity that this app is not, 500 for a resource
        that does not exist (Azure is as vague).
        """
        allowed = self._allowed.get(header)
        if allowed is None:
            raise IdentityRefusal(401, "The identity header is missing or wrong.")
        identity = self._identity(header, client_id, object_id)
        if identity is None or identity.client_id not in allowed:
            raise IdentityRefusal(
                400,
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
            )
        if _plain(resource) not in self._resources:
            raise IdentityRefusal(500, "An unexpected error occured while fetching the AAD Token.")
        roles = identity.graph if _plain(resource) in self._graph else frozenset()
        now = time.time()
        late = {role: until - now for role, until in self._late.items() if role in roles and until > now}
        withheld = {role for name, role in self._withheld if name == identity.name} | set(late)
        token = self._signer.app_token(
            object_id=identity.object_id,
            client_id=identity.client_id,
            name=identity.name,
            audience=resource,
            roles=[role for role in roles if role not in withheld],
            seconds=min([self._seconds, *(math.ceil(wait) for wait in late.values())]),
        )
        expires_on = self._signer.check(token, {resource}).expires_on
        return Issued(token, expires_on, resource, identity.client_id)

    def _identity(self, header: str, client_id: str | None, object_id: str | None) -> Identity | None:
        if client_id is None and object_id is not None:
            return next((i for i in self._identities.values() if i.object_id == object_id.lower()), None)
        chosen = self._system_assigned.get(header) if client_id is None else client_id
        return None if chosen is None else self._identities.get(chosen.lower())


def _plain(resource: str) -> str:
    return resource.rstrip("/")

"""Authentication methods other than passes: what a person can sign in with, listed and removed one by one."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from local.directory.errors import bad_request, method_not_found


class Kind(StrEnum):
    """The kinds, by their collection in Graph's paths."""

    PASSWORD = "passwordMethods"  # noqa: S105 - a path segment
    PHONE = "phoneMethods"
    AUTHENTICATOR = "microsoftAuthenticatorMethods"
    FIDO2 = "fido2Methods"
    WINDOWS_HELLO = "windowsHelloForBusinessMethods"
    PLATFORM = "platformCredentialMethods"
    SOFTWARE_OATH = "softwareOathMethods"
    EMAIL = "emailMethods"


ODATA_TYPE = {
    Kind.PASSWORD: "#microsoft.graph.passwordAuthenticationMethod",
    Kind.PHONE: "#microsoft.graph.phoneAuthenticationMethod",
    Kind.AUTHENTICATOR: "#microsoft.graph.microsoftAuthenticatorAuthenticationMethod",
    Kind.FIDO2: "#microsoft.graph.fido2AuthenticationMethod",
    Kind.WINDOWS_HELLO: "#microsoft.graph.windowsHelloForBusinessAuthenticationMethod",
    Kind.PLATFORM: "#microsoft.graph.platformCredentialAuthenticationMethod",
    Kind.SOFTWARE_OATH: "#microsoft.graph.softwareOathAuthenticationMethod",
    Kind.EMAIL: "#microsoft.graph.emailAuthenticationMethod",
}
# Every password method in Graph has this id.
PASSWORD_ID = "28c10230-6103-485e-b985-444c60001490"  # noqa: S105 - Microsoft's constant id, no secret


@dataclass(frozen=True, slots=True)
class Method:
    """One registered method. `default` is the one that the person is asked for first."""

    method_id: str
    person_id: str
    kind: Kind
    created: datetime
    details: dict[str, Any] = field(default_factory=dict)
    default: bool = False


class Methods:
    """All registered methods of the tenant."""

    def __init__(self) -> None:
        self._held: list[Method] = []

    def add(self, method: Method) -> Method:
        """Register a method."""
        self._held.append(method)
        return method

    def of(self, person_id: str, kinds: Iterable[Kind] = tuple(Kind)) -> tuple[Method, ...]:
        """Return a person's methods of these kinds (all kinds unless said)."""
        wanted = frozenset(kinds)
        return tuple(m for m in self._held if m.person_id == person_id and m.kind in wanted)

    def get(self, person_id: str, kind: Kind, method_id: str) -> Method:
        """Return one method; raises Refused (404)."""
        for method in self.of(person_id, (kind,)):
            if method.method_id == method_id:
                return method
        raise method_not_found()

    def delete(self, person_id: str, kind: Kind, method_id: str, *, keep_default: bool) -> None:
        """Remove one method.

        Raises Refused: 404 absent; 400 a password, or with `keep_default` the default while others of its kind remain
        (documented behaviour, exact text unconfirmed).
        """
        method = self.get(person_id, kind, method_id)
        if kind is Kind.PASSWORD:
            raise bad_request("Deleting a password method is not supported.")
        if keep_default and method.default and len(self.of(person_id, (kind,))) > 1:
            raise bad_request("The default authentication method cannot be deleted while others exist.")
        self._held.remove(method)

    def forget(self, person_id: str) -> None:
        """Remove all methods of somebody who left the tenant."""
        self._held = [m for m in self._held if m.person_id != person_id]

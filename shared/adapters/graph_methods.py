"""Sign-in methods that a ticket can call lost: how they are listed, and where each is removed.

Source: Microsoft Graph v1.0, "authentication methods" (types, collections, DELETE answers 204). Which method is the
default is in beta only (signInPreferences); v1.0 tells no more than that a phone is the primary one (phoneType mobile).
"""

import re
from collections.abc import Mapping
from typing import Any

from shared.adapters import graph_parse as parse
from shared.adapters.graph_batch import Read
from shared.domain.orders import LostKind
from shared.domain.people import Method

KINDS: Mapping[str, LostKind] = {
    "microsoftAuthenticator": LostKind.AUTHENTICATOR,
    "passwordlessMicrosoftAuthenticator": LostKind.AUTHENTICATOR,
    "fido2": LostKind.FIDO2,
    "phone": LostKind.PHONE,
    "windowsHelloForBusiness": LostKind.WINDOWS_HELLO,
    "softwareOath": LostKind.SOFTWARE_OATH,
}
COLLECTIONS: Mapping[LostKind, str] = {
    LostKind.AUTHENTICATOR: "microsoftAuthenticatorMethods",
    LostKind.FIDO2: "fido2Methods",
    LostKind.PHONE: "phoneMethods",
    LostKind.WINDOWS_HELLO: "windowsHelloForBusinessMethods",
    LostKind.SOFTWARE_OATH: "softwareOathMethods",
}
_PLAIN_ID = re.compile(r"[A-Za-z0-9_=-]{1,256}")  # GUIDs, and the base64url of passkeys


def methods_read(person_id: str) -> Read[Any]:
    """Return the read of all methods; those of no kind that can be lost become None."""
    return Read("methods", f"/users/{person_id}/authentication/methods", method, many=True)


def method(data: Any) -> Method | None:
    """Return a method that can be removed, None for one of another kind. Raises Malformed."""
    kind = KINDS.get(parse.method(data))
    if kind is None:
        return None
    found = parse.mapping(data)
    primary = kind is LostKind.PHONE and parse.text(found, "phoneType").casefold() == "mobile"
    return Method(kind=kind, method_id=parse.identifier(found), last=primary)


def is_method_id(value: str) -> bool:
    """Tell whether a text can be a method's id, fit for a URL."""
    return _PLAIN_ID.fullmatch(value) is not None


def method_path(person_id: str, kind: LostKind, method_id: str) -> str:
    """Return where one method is removed. Both ids were checked before."""
    return f"/users/{person_id}/authentication/{COLLECTIONS[kind]}/{method_id}"

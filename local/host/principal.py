"""The headers by which the platform's sign-in tells a function who is there, in App Service's own form."""

import base64
import json
from collections.abc import Mapping
from typing import Any

_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_MICROSOFT = "http://schemas.microsoft.com/identity/claims"
_ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
_NAME = f"{_XMLSOAP}/emailaddress"
# App Service shows some of a token's claims under the long names that .NET gives them.
_LONG_NAMES = {
    "amr": "http://schemas.microsoft.com/claims/authnmethodsreferences",
    "email": _NAME,
    "family_name": f"{_XMLSOAP}/surname",
    "given_name": f"{_XMLSOAP}/givenname",
    "oid": f"{_MICROSOFT}/objectidentifier",
    "roles": _ROLE,
    "sub": f"{_XMLSOAP}/nameidentifier",
    "tid": f"{_MICROSOFT}/tenantid",
}


def user_claims(claims: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the token's claims as App Service lists them; a claim with many values stands there many times."""
    listed = []
    for name, value in claims.items():
        for one in value if isinstance(value, list) else [value]:
            text = one if isinstance(one, str) else json.dumps(one)
            listed.append({"typ": _LONG_NAMES.get(name, name), "val": text})
    return listed


def user_id(claims: Mapping[str, Any]) -> str:
    """Return the person's object id (or the subject, where there is none)."""
    return str(claims.get("oid") or claims.get("sub") or "")


def user_name(claims: Mapping[str, Any]) -> str:
    """Return the name by which the person signs in."""
    return str(claims.get("preferred_username") or claims.get("email") or claims.get("name") or "")


def headers(id_token: str, claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers for a request of a signed-in person."""
    document = {
        "auth_typ": "aad",
        "claims": user_claims(claims),
        "name_typ": _NAME,
        "role_typ": _ROLE,
    }
    return {
        "X-MS-TOKEN-AAD-ID-TOKEN": id_token,
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(document).encode()).decode(),
        "X-MS-CLIENT-PRINCIPAL-ID": user_id(claims),
        "X-MS-CLIENT-PRINCIPAL-NAME": user_name(claims),
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    }

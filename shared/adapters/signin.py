"""Who a caller is: the id token that the platform's sign-in passes on, checked in full, by us.

Claims: Microsoft identity platform, "ID token claims reference"; `auth_time` and `acrs` are optional claims
that the page's app registration asks for. Whether v2.0 id tokens carry `amr` is UNVERIFIED: where they do not, only an
authentication context (`acrs`) shows the second factor, and without one nobody gets in (docs/deploy.md, Sign-in).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from jwt.types import Options

from shared.adapters.signin_keys import SignInKeys
from shared.domain.fates import Refused
from shared.domain.passcode import IdToken
from shared.flows.ports import SignedIn

LEEWAY = timedelta(seconds=60)

_ALGORITHM = "RS256"
_LONGEST_TOKEN = 16_384
_CHECKED_HERE: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


class TokenCallers:
    """Validates id tokens of one tenant for one page. `keys.authority` is the issuer that they must name."""

    def __init__(self, keys: SignInKeys, *, tenant_id: str, audience: str) -> None:
        self._keys = keys
        self._tenant_id = tenant_id
        self._audience = audience

    async def check(self, token: IdToken, *, now: datetime, fresh_within: timedelta) -> SignedIn:
        """Return the caller.

        Raises Refused (signature, issuer, audience, tenant, object id, expiry, no MFA, stale sign-in), TryLater.
        """
        key = await self._keys.key(_key_id(token), now)
        claims = _claims(token, key)
        refusal = next(self._refusals(claims, now, fresh_within), None)
        if refusal is not None:
            raise Refused(refusal)
        name = claims.get("name")
        return SignedIn(
            object_id=str(UUID(claims["oid"])),
            name=name if isinstance(name, str) else "",
            signed_in_at=_instant(claims, "auth_time") or now,
        )

    def _refusals(self, claims: Mapping[str, Any], now: datetime, fresh_within: timedelta) -> Iterator[str]:
        """Yield what is wrong, by stable codes for the log."""
        if claims.get("iss") != self._keys.authority:
            yield "issuer"
        if claims.get("aud") != self._audience:
            yield "audience"
        if "scp" in claims or claims.get("idtyp") == "app":
            yield "not_an_id_token"
        if claims.get("tid") != self._tenant_id:
            yield "tenant"
        if not _is_guid(claims.get("oid")):
            yield "object_id"
        yield from _untimely(claims, now, fresh_within)
        if "mfa" not in _texts(claims.get("amr")) and not _texts(claims.get("acrs")):
            yield "no_mfa"


def _untimely(claims: Mapping[str, Any], now: datetime, fresh_within: timedelta) -> Iterator[str]:
    expires, starts, signed_in = (_instant(claims, name) for name in ("exp", "nbf", "auth_time"))
    if expires is None or now >= expires + LEEWAY:
        yield "expired"
    if starts is None or now < starts - LEEWAY:
        yield "not_valid_yet"
    if signed_in is None or signed_in > now + LEEWAY:
        yield "no_sign_in_time"
    elif now - signed_in > fresh_within:
        yield "stale_sign_in"


def _key_id(token: IdToken) -> str:
    """Return the id of the key that the token says it is signed with. Raises Refused."""
    text = token.reveal()
    if len(text) > _LONGEST_TOKEN:
        raise Refused("too_large")
    if not text.isascii():  # the library would stumble over half a character (RFC 7515, 2: base64url and dots)
        raise Refused("not_a_token")
    try:
        header = jwt.get_unverified_header(text)
    except (jwt.InvalidTokenError, RecursionError):  # RecursionError: a header of brackets
        header = {}
    if not header:
        raise Refused("not_a_token")
    if header.get("alg") != _ALGORITHM:
        raise Refused("algorithm")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise Refused("unknown_key")
    return key_id


def _claims(token: IdToken, key: Any) -> dict[str, Any]:
    """Return the claims under a valid signature. Raises Refused; the token never stands in an exception."""
    try:
        return jwt.decode(token.reveal(), key, algorithms=[_ALGORITHM], options=_CHECKED_HERE)
    except jwt.PyJWTError:
        pass
    raise Refused("signature")


def _instant(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _texts(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    return tuple(v for v in values if isinstance(v, str) and v) if isinstance(values, list) else ()


def _is_guid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        return False

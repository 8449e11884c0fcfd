"""Signed tokens: what the identity stand-in issues and every other stand-in checks."""

import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

TENANT_ID = "7f3c1f0e-5a52-4c0b-9d4e-1b7a3c9e2d10"
_LEEWAY_SECONDS = 30


class TokenRefused(Exception):
    """A token that a service must not accept; `code` is machine-readable, the text is for a log."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a checked app token speaks for: the identity's object id, its name, and its app roles."""

    object_id: str
    client_id: str
    name: str
    roles: frozenset[str]
    expires_on: int


class Signer:
    """The directory's signing key: issues tokens and publishes the public half as a key set."""

    def __init__(self, key: rsa.RSAPrivateKey | None = None) -> None:
        self._key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = uuid.uuid4().hex

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a compact RS256 token over exactly these claims."""
        return jwt.encode(dict(claims), self._key, algorithm="RS256", headers={"kid": self.key_id})

    def app_token(
        self,
        *,
        object_id: str,
        client_id: str,
        name: str,
        audience: str,
        roles: Collection[str],
        seconds: int = 86_400,
    ) -> str:
        """Return an app-only access token as a managed identity gets it (24 h, as Azure's are)."""
        now = int(time.time())
        return self.sign(
            {
                "aud": audience,
                "iss": f"https://sts.windows.net/{TENANT_ID}/",
                "iat": now,
                "nbf": now,
                "exp": now + seconds,
                "appid": client_id,
                "app_displayname": name,
                "idtyp": "app",
                "oid": object_id,
                "roles": sorted(roles),
                "tid": TENANT_ID,
                "ver": "1.0",
            }
        )

    def key_set(self) -> dict[str, Any]:
        """Return the JSON Web Key Set that verifies what this signer issued."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}

    def check(self, token: str, audiences: Collection[str]) -> Caller:
        """Return the app that `token` speaks for.

        Raises TokenRefused: signature, audience (compared without a trailing slash), tenant, or expiry.
        """
        wanted = {a.rstrip("/") for a in audiences}
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                leeway=_LEEWAY_SECONDS,
                options={"verify_aud": False, "require": ["exp", "aud", "oid", "appid"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused("token_expired", "the token's lifetime is over") from error
        except jwt.InvalidTokenError as error:
            raise TokenRefused("token_invalid", str(error)) from error
        if str(claims["aud"]).rstrip("/") not in wanted:
            raise TokenRefused("token_audience", f"the token is for {claims['aud']}")
        if claims.get("tid") != TENANT_ID:
            raise TokenRefused("token_tenant", "the token is from another tenant")
        return Caller(
            object_id=claims["oid"],
            client_id=claims["appid"],
            name=str(claims.get("app_displayname", "")),
            roles=frozenset(claims.get("roles", ())),
            expires_on=int(claims["exp"]),
        )

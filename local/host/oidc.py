"""A small OpenID Connect client: authorization code with PKCE, and an id token checked before it is believed."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import jwt

_LEEWAY_SECONDS = 60
_TIMEOUT = aiohttp.ClientTimeout(total=15)

type Random = Callable[[], str]


def random_text() -> str:
    """Return 256 bits of chance, fit for a URL."""
    return secrets.token_urlsafe(32)


class SignInRefused(Exception):
    """The provider said no, or what it answered does not hold; the text is for the person."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that has begun: what its callback must match, and where the browser wants to go then."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    return_to: str


class Provider:
    """One OpenID provider, found by its discovery document, for one client id."""

    def __init__(self, authority: str, client_id: str, client_secret: str = "", random: Random = random_text) -> None:
        self._authority = authority.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._random = random
        self._http: aiohttp.ClientSession | None = None
        self._document: dict[str, Any] | None = None
        self._keys: dict[str, Any] = {}

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    async def discover(self) -> Mapping[str, Any]:
        """Return the provider's discovery document, read once."""
        if self._document is None:
            document = await self._get(f"{self._authority}/.well-known/openid-configuration")
            self._document = document
        return self._document

    async def begin(self, redirect_uri: str, return_to: str, extra: Mapping[str, str]) -> tuple[Pending, str]:
        """Return a new sign-in and the URL to send the browser to; `extra` are further parameters."""
        pending = Pending(
            state=self._random(),
            nonce=self._random(),
            verifier=self._random(),
            redirect_uri=redirect_uri,
            return_to=return_to,
        )
        digest = hashlib.sha256(pending.verifier.encode()).digest()
        query = urlencode(
            {
                "client_id": self._client_id,
                "response_type": "code",
                "response_mode": "query",
                "scope": "openid profile",
                "redirect_uri": redirect_uri,
                "state": pending.state,
                "nonce": pending.nonce,
                "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
                "code_challenge_method": "S256",
                **extra,
            }
        )
        endpoint = str((await self.discover())["authorization_endpoint"])
        return pending, f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def finish(self, pending: Pending, code: str) -> tuple[str, dict[str, Any]]:
        """Exchange the code; return the id token and its checked claims. Raises SignInRefused."""
        form = {
            "client_id": self._client_id,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.verifier,
        }
        if self._client_secret:
            form["client_secret"] = self._client_secret
        document = await self.discover()
        async with self._session().post(str(document["token_endpoint"]), data=form) as response:
            answer = await response.json(content_type=None)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused(f"the code was not accepted: {answer.get('error', response.status)}")
        return token, await self._checked(token, pending.nonce)

    async def _checked(self, token: str, nonce: str) -> dict[str, Any]:
        document = await self.discover()
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                await self._key(str(jwt.get_unverified_header(token).get("kid"))),
                algorithms=["RS256"],
                audience=self._client_id,
                issuer=str(document["issuer"]),
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise SignInRefused(f"the id token does not hold: {error}") from error
        if claims.get("nonce") != nonce:
            raise SignInRefused("the id token belongs to another sign-in")
        return claims

    async def _key(self, key_id: str) -> Any:
        if key_id not in self._keys:
            document = await self._get(str((await self.discover())["jwks_uri"]))
            self._keys = {str(key.get("kid")): jwt.PyJWK(key) for key in document["keys"]}
        if key_id not in self._keys:
            raise SignInRefused("the id token's key is not the provider's")
        return self._keys[key_id]

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._session().get(url) as response:
            response.raise_for_status()
            document: dict[str, Any] = await response.json(content_type=None)
            return document

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._http

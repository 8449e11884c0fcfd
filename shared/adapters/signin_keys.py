"""The sign-in authority's public keys: found by its discovery document, kept, and looked up again when they rotate."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.adapters import fate_table
from shared.adapters.fate_table import Trouble
from shared.domain.fates import Refused

# Entra rotates keys about every six weeks, announced; in an emergency without notice (Entra docs, signing keys).
REFRESH_AFTER = timedelta(hours=6)
TRUST_FOR = timedelta(hours=24)
ASK_AT_MOST_EVERY = timedelta(minutes=1)  # an unknown key id is also what an attacker sends

_LIMIT = aiohttp.ClientTimeout(total=10)
_MOST_BYTES = 1_000_000
_MIN_BITS = 2048
_WHERE = "sign_in.keys"


class SignInKeys:
    """Keys by id. `authority` is the issuer; its discovery document lies below it (OpenID Connect Discovery 1.0, 4)."""

    def __init__(self, session: aiohttp.ClientSession, authority: str) -> None:
        self._session = session
        self.authority = authority.rstrip("/")
        self._keys: dict[str, RSAPublicKey] = {}
        self._read_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._turn = asyncio.Lock()

    async def key(self, key_id: str, now: datetime) -> RSAPublicKey:
        """Return a key. Raises Refused for an id that the authority does not publish, TryLater when it is silent."""
        async with self._turn:
            if self._age(now) > REFRESH_AFTER or key_id not in self._keys:
                await self._refresh(now)
        if self._age(now) > TRUST_FOR:
            raise fate_table.failure(_WHERE, Trouble.CUT)
        found = self._keys.get(key_id)
        if found is not None:
            return found
        if self._read_at != self._asked_at:
            raise fate_table.failure(_WHERE, Trouble.CUT)  # the last look failed, so nobody knows
        raise Refused("unknown_key")

    def _age(self, now: datetime) -> timedelta:
        return timedelta.max if self._read_at is None else abs(now - self._read_at)

    async def _refresh(self, now: datetime) -> None:
        """Read the keys anew, unless that was tried a moment ago; on failure what we have stays."""
        if self._asked_at is not None and abs(now - self._asked_at) < ASK_AT_MOST_EVERY:
            return
        self._asked_at = now
        try:
            about = await self._get(f"{self.authority}/.well-known/openid-configuration")
            if str(about["issuer"]).rstrip("/") != self.authority:
                return
            keys = _usable((await self._get(self._own(str(about["jwks_uri"]))))["keys"])
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError):
            return
        if keys:
            self._keys, self._read_at = keys, now

    def _own(self, url: str) -> str:
        """Return the key set's address, when it lies where the authority does. Raises ValueError."""
        theirs, ours = urlsplit(url), urlsplit(self.authority)
        if (theirs.scheme, theirs.netloc) != (ours.scheme, ours.netloc):
            msg = "the keys lie on another host than the authority"
            raise ValueError(msg)
        return url

    async def _get(self, url: str) -> Any:
        async with self._session.get(url, timeout=_LIMIT, allow_redirects=False, raise_for_status=True) as response:
            if (response.content_length or 0) > _MOST_BYTES:
                msg = "too large"
                raise ValueError(msg)
            return await response.json(content_type=None)


def _usable(published: list[dict[str, Any]]) -> dict[str, RSAPublicKey]:
    """Return the RSA signing keys by id; others, and what cannot be read, are not ours to use."""
    found: dict[str, RSAPublicKey] = {}
    for entry in published:
        if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = jwt.PyJWK(entry, algorithm="RS256").key
        except jwt.PyJWTError:
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= _MIN_BITS:
            found[entry["kid"]] = key
    return found

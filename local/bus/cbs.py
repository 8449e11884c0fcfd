"""Claims-based security: which tokens a connection has laid down, and what they allow.

A shared access signature has every right (its key is the namespace's). A directory token has the rights of
`local.rights`, looked up by the object id in it.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from local import rights
from local.clock import Clock
from local.tokens import Signer, TokenRefused

AUDIENCE = "https://servicebus.azure.net"
GRACE = timedelta(seconds=60)
EVERY_RIGHT = frozenset({"send", "receive"})
_SAS = "SharedAccessSignature "


@dataclass(slots=True)
class Grant:
    """One token laid down for one audience; `object_id` None: a shared key, every right."""

    audience: str
    object_id: str | None
    expires_at: datetime
    _noticed_at: datetime | None = None

    def covers(self, entity: str) -> bool:
        """Tell whether the audience is the entity's, or that of something above it."""
        return self.audience in ("", entity) or entity.startswith(f"{self.audience}/")

    @property
    def identity(self) -> rights.Identity | None:
        """Return whose token it is; None for a shared key, and for somebody unknown."""
        return None if self.object_id is None else rights.by_object_id(self.object_id)

    def on(self, owner: str) -> frozenset[str]:
        """Return its holder's rights on `owner`, a queue or topic: any of "send" and "receive"."""
        if self.object_id is None:
            return EVERY_RIGHT
        return frozenset() if self.identity is None else self.identity.on_queue(owner)

    def is_live(self, now: datetime) -> bool:
        """Tell whether it may still be used: until a minute after its end was first noticed.

        The minute is for a clock that jumped: a client which then renews in time is not thrown out.
        """
        if now <= self.expires_at:
            self._noticed_at = None
            return True
        if self._noticed_at is None:
            self._noticed_at = now
        return now <= self._noticed_at + GRACE


class Gate:
    """Checks tokens for the whole namespace; `sas_keys` are shared keys by the names of their rules."""

    def __init__(self, signer: Signer, sas_keys: Mapping[str, str], clock: Clock) -> None:
        self._signer = signer
        self._keys = dict(sas_keys)
        self._clock = clock

    def admit(self, token: str, audience: str) -> Grant:
        """Return what `token` grants on `audience`, an address such as `sb://host/queue`.

        Raises TokenRefused.
        """
        path = entity_path(audience).lower()
        if token.startswith(_SAS):
            return self._admit_shared(token.removeprefix(_SAS), path)
        caller = self._signer.check(token, {AUDIENCE})
        return Grant(path, caller.object_id, datetime.fromtimestamp(caller.expires_on, UTC))

    def _admit_shared(self, token: str, path: str) -> Grant:
        raw = dict(part.split("=", 1) for part in token.split("&") if "=" in part)
        fields = dict(parse_qsl(token))
        key = self._keys.get(fields.get("skn", ""))
        expiry = fields.get("se", "")
        if key is None or not expiry.isdigit() or "sr" not in raw:
            raise TokenRefused("InvalidSignature", "The token has an invalid signature.")
        digest = hmac.new(key.encode(), f"{raw['sr']}\n{expiry}".encode(), hashlib.sha256).digest()
        # In a query a plus sign stands for a blank, but some clients leave base64's plus signs as they are.
        given = unquote(raw.get("sig", ""))
        if not hmac.compare_digest(base64.b64encode(digest).decode(), given):
            raise TokenRefused("InvalidSignature", "The token has an invalid signature.")
        expires_at = datetime.fromtimestamp(int(expiry), UTC)
        if expires_at < self._clock():
            raise TokenRefused("ExpiredToken", "The token is expired.")
        signed = Grant(entity_path(fields["sr"]).lower(), None, expires_at)
        if not signed.covers(path):
            raise TokenRefused("InvalidAudience", "The token's resource does not cover the audience.")
        return Grant(path, None, expires_at)


def entity_path(address: str) -> str:
    """Return the entity's path of an address, with or without scheme and host."""
    path = urlsplit(address).path if "://" in address else address
    return path.strip("/")

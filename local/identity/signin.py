"""The OpenID provider for people: authorization code with PKCE, sessions, id tokens, keys that rotate.

The endpoints and claims are the Microsoft identity platform's v2.0. Not here: refresh tokens, implicit and hybrid
flows, single sign-out, other tenants. PKCE is always demanded.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from local.clock import Clock
from local.identity.people import App, Asked, Grant, People, Person, SignedIn, SignInError
from local.tokens import TENANT_ID, Signer

CODE_LIVES = timedelta(minutes=10)
TOKEN_LIVES = timedelta(hours=1)
SESSION_LIVES = timedelta(hours=24)
_PROMPTS = frozenset({"login", "none", "select_account"})
_MAX_AGE_DIGITS = 9
_CHALLENGE_CHARS = 43  # base64url of a SHA-256 without padding


class SignIn:
    """One tenant's provider. Instants come from `clock`, codes and session ids from `new_secret`.

    people: whom the directory knows now. base_url: scheme, host and port; the wire sets it when it listens.
    """

    def __init__(
        self,
        clock: Clock,
        people: People,
        *,
        signer: Signer | None = None,
        base_url: str = "https://localhost",
        new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self.base_url = base_url
        self._clock = clock
        self._people = people
        self._keys = [signer or Signer()]
        self._new_secret = new_secret
        self._apps: dict[str, App] = {}
        self._sessions: dict[str, SignedIn] = {}
        self._grants: dict[str, Grant] = {}

    @property
    def tenant_url(self) -> str:
        """Return the part that all endpoints share."""
        return f"{self.base_url}/{TENANT_ID}"

    @property
    def issuer(self) -> str:
        """Return what stands in `iss`, and below which the discovery document lies."""
        return f"{self.tenant_url}/v2.0"

    def register(self, client_id: str, redirect_uris: Iterable[str], secret: str = "") -> None:
        """Let the app `client_id` ask for codes, sent to exactly these addresses; a secret, if any, is demanded."""
        self._apps[client_id] = App(frozenset(redirect_uris), secret)

    def discovery(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.tenant_url}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.tenant_url}/oauth2/v2.0/token",
            "jwks_uri": f"{self.tenant_url}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }

    def key_set(self) -> dict[str, Any]:
        """Return all published keys, the signing one first."""
        return {"keys": [key for signer in reversed(self._keys) for key in signer.key_set()["keys"]]}

    def rotate(self, *, forget_old: bool = False) -> None:
        """Sign with a new key from now on; the old ones stay published unless they are to be forgotten."""
        self._keys = [*([] if forget_old else self._keys), Signer()]

    def persons(self) -> tuple[Person, ...]:
        """Return everybody, by display name."""
        return tuple(sorted(self._people(), key=lambda person: person.display_name.casefold()))

    def ask(self, query: Mapping[str, str]) -> Asked:
        """Return the authorization request that `query` makes. Raises SignInError."""
        client_id, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
        app = self._apps.get(client_id)
        if app is None:
            raise SignInError("unauthorized_client", "AADSTS700016: The application was not found.")
        if redirect_uri not in app.redirect_uris:
            raise SignInError("invalid_request", "AADSTS50011: The redirect URI is not registered.")
        prompt = frozenset(query.get("prompt", "").split())
        max_age = query.get("max_age")
        challenge = query.get("code_challenge", "")
        for holds, error, description in (
            (query.get("response_type") == "code", "unsupported_response_type", "AADSTS700054: code only."),
            (query.get("response_mode", "query") == "query", "invalid_request", "AADSTS70007: query only."),
            ("openid" in query.get("scope", "").split(), "invalid_scope", "AADSTS70011: openid is missing."),
            (
                len(challenge) == _CHALLENGE_CHARS and query.get("code_challenge_method") == "S256",
                "invalid_request",
                "AADSTS9002325: Proof Key for Code Exchange by S256 is required.",
            ),
            (
                prompt <= _PROMPTS and not ("none" in prompt and len(prompt) > 1),
                "invalid_request",
                "AADSTS90023: The prompt is not supported.",
            ),
            (
                max_age is None or (max_age.isascii() and max_age.isdecimal() and len(max_age) <= _MAX_AGE_DIGITS),
                "invalid_request",
                "AADSTS90023: max_age must be seconds.",
            ),
        ):
            if not holds:
                raise SignInError(error, description, redirect_uri=redirect_uri, state=query.get("state"))
        return Asked(
            client_id=client_id,
            redirect_uri=redirect_uri,
            challenge=challenge,
            scope=query["scope"],
            state=query.get("state"),
            nonce=query.get("nonce"),
            prompt=prompt,
            max_age=None if max_age is None else int(max_age),
        )

    def resume(self, asked: Asked, session_id: str) -> str | None:
        """Return a code by an existing session, or None when the person has to sign in. Raises SignInError."""
        signed_in = self._sessions.get(session_id)
        if signed_in and not asked.prompt & {"login", "select_account"} and self._serves(asked, signed_in):
            return self._grant(asked, signed_in)
        if "none" in asked.prompt:
            raise SignInError(
                "login_required",
                "AADSTS50058: A silent sign-in was asked for but nobody is signed in.",
                redirect_uri=asked.redirect_uri,
                state=asked.state,
            )
        return None

    def enter(self, asked: Asked, person_id: str, *, mfa: bool = True) -> tuple[str, str]:
        """Sign `person_id` in, by password and, unless told otherwise, a second factor.

        Returns the new session's id and a code. Raises SignInError, to be shown, when that person cannot.
        """
        self._enabled(person_id)
        signed_in = SignedIn(person_id, self._clock(), ("pwd", "mfa") if mfa else ("pwd",))
        session_id = self._new_secret()
        self._sessions[session_id] = signed_in
        return session_id, self._grant(asked, signed_in)

    def redeem(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the token answer for a code, which works once. Raises SignInError."""
        if form.get("grant_type") != "authorization_code":
            raise SignInError("unsupported_grant_type", "AADSTS70003: authorization_code only.")
        app = self._apps.get(form.get("client_id", ""))
        if app is None:
            raise SignInError("unauthorized_client", "AADSTS700016: The application was not found.")
        if not hmac.compare_digest(app.secret.encode(), form.get("client_secret", "").encode()):
            raise SignInError("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        grant = self._grants.pop(form.get("code", ""), None)
        if grant is None:
            raise SignInError("invalid_grant", "AADSTS54005: The code is unknown or was already redeemed.")
        asked = grant.asked
        if self._clock() >= grant.ends:
            raise SignInError("invalid_grant", "AADSTS70008: The code has expired.")
        if (form["client_id"], form.get("redirect_uri")) != (asked.client_id, asked.redirect_uri):
            raise SignInError("invalid_grant", "AADSTS50148: The code was given to another app or address.")
        if not hmac.compare_digest(_challenge(form.get("code_verifier", "")), asked.challenge.encode()):
            raise SignInError("invalid_grant", "AADSTS50148: The code_verifier does not match.")
        self._enabled(grant.signed_in.person_id)
        return {
            "token_type": "Bearer",
            "scope": asked.scope,
            "expires_in": int(TOKEN_LIVES.total_seconds()),
            "access_token": self._new_secret(),  # opens nothing here
            "id_token": self.id_token(
                grant.signed_in.person_id,
                audience=asked.client_id,
                amr=grant.signed_in.amr,
                auth_age=self._clock() - grant.signed_in.at,
                nonce=asked.nonce,
            ),
        }

    def id_token(
        self,
        person_id: str,
        *,
        audience: str,
        amr: Iterable[str] = ("pwd", "mfa"),
        auth_age: timedelta = timedelta(0),
        key: Signer | None = None,
        **claims: Any,
    ) -> str:
        """Return an id token for a person of the directory, as the flow would, without the flow.

        `claims` replace or, when None, remove what would stand there; `key` signs instead of the provider's, for
        tokens that nobody may accept. Raises KeyError for a person whom the directory does not know.
        """
        person = self._person(person_id)
        if person is None:
            raise KeyError(person_id)
        now = self._clock()
        subject = hashlib.sha256(f"{person_id}:{audience}".encode()).digest()
        told = {
            "aud": audience,
            "iss": self.issuer,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + TOKEN_LIVES).timestamp()),
            "auth_time": int((now - auth_age).timestamp()),
            "amr": list(amr),
            "tid": TENANT_ID,
            "oid": person.object_id,
            "preferred_username": person.user_principal_name,
            "name": person.display_name,
            "sub": base64.urlsafe_b64encode(subject).rstrip(b"=").decode(),
            "ver": "2.0",
            **claims,
        }
        signer = key or self._keys[-1]
        return signer.sign({name: value for name, value in told.items() if value is not None})

    def _grant(self, asked: Asked, signed_in: SignedIn) -> str:
        code = self._new_secret()
        self._grants[code] = Grant(asked, signed_in, self._clock() + CODE_LIVES)
        return code

    def _serves(self, asked: Asked, signed_in: SignedIn) -> bool:
        age = self._clock() - signed_in.at
        if asked.max_age is not None and (asked.max_age == 0 or age.total_seconds() > asked.max_age):
            return False  # 0 means "now", as prompt=login does
        if age >= SESSION_LIVES:
            return False
        person = self._person(signed_in.person_id)
        return person is not None and person.account_enabled

    def _enabled(self, person_id: str) -> None:
        person = self._person(person_id)
        if person is None:
            raise SignInError("invalid_grant", "AADSTS50034: The user account does not exist in the directory.")
        if not person.account_enabled:
            raise SignInError("invalid_grant", "AADSTS50057: The user account is disabled.")

    def _person(self, person_id: str) -> Person | None:
        return next((person for person in self._people() if person.object_id == person_id), None)


def _challenge(verifier: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")

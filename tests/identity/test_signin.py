"""The OpenID provider's model: who gets a code, what a code is good for, and what stands in an id token."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from local.clock import ManualClock
from local.identity.people import SignInError
from local.identity.signin import SignIn
from local.tokens import TENANT_ID, Signer, TokenRefused

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PAGE = "5b0a3a0e-7a4b-4a57-9b1e-3f6a0c0d9a11"
BACK = "http://localhost:7071/.auth/login/aad/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ADA = "0c0d9a11-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Someone:
    """A person of the directory."""

    object_id: str
    user_principal_name: str
    display_name: str
    account_enabled: bool = True


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock at START."""
    return ManualClock(START)


@pytest.fixture
def people() -> list[Someone]:
    """Return the directory: Ada alone."""
    return [Someone(ADA, "ada@contoso.com", "Ada Lovelace")]


@pytest.fixture
def provider(clock: ManualClock, people: list[Someone]) -> SignIn:
    """Return a provider that knows the page."""
    provider = SignIn(clock, lambda: people)
    provider.register(PAGE, [BACK])
    return provider


def query(**changes: str | None) -> dict[str, str]:
    """Return a good authorization request with `changes`; None leaves a parameter out."""
    good: dict[str, str | None] = {
        "client_id": PAGE,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "openid profile",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def form(code: str, **changes: str) -> dict[str, str]:
    """Return a good token request with `changes`."""
    return {
        "grant_type": "authorization_code",
        "client_id": PAGE,
        "redirect_uri": BACK,
        "code": code,
        "code_verifier": VERIFIER,
        **changes,
    }


def refused(act: Callable[[], object]) -> SignInError:
    """Return how `act` is refused."""
    with pytest.raises(SignInError) as caught:
        act()
    return caught.value


def claims_of(provider: SignIn, token: str) -> dict[str, Any]:
    """Return the claims of a token that one of the published keys signed; its times are the test's business."""
    keys = jwt.PyJWKSet.from_dict(provider.key_set())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=PAGE,
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    return claims


def test_the_flow_ends_in_an_id_token(provider: SignIn, clock: ManualClock) -> None:
    """A code becomes an id token with exactly the claims that the page's check reads."""
    _, code = provider.enter(provider.ask(query()), ADA)
    clock.advance(timedelta(seconds=30))
    answer = provider.redeem(form(code))
    claims = claims_of(provider, answer["id_token"])
    now = int(START.timestamp())
    assert claims.pop("sub")
    assert claims == {
        "aud": PAGE,
        "iss": f"https://localhost/{TENANT_ID}/v2.0",
        "tid": TENANT_ID,
        "oid": ADA,
        "preferred_username": "ada@contoso.com",
        "name": "Ada Lovelace",
        "amr": ["pwd", "mfa"],
        "auth_time": now,
        "iat": now + 30,
        "nbf": now + 30,
        "exp": now + 3630,
        "nonce": "the-nonce",
        "ver": "2.0",
    }


def test_a_code_works_once_and_for_ten_minutes(provider: SignIn, clock: ManualClock) -> None:
    """A second use and a late use are refused; a wrong verifier burns the code."""
    asked = provider.ask(query())
    _, code = provider.enter(asked, ADA)
    provider.redeem(form(code))
    assert refused(lambda: provider.redeem(form(code))).error == "invalid_grant"
    _, late = provider.enter(asked, ADA)
    clock.advance(timedelta(minutes=10))
    assert refused(lambda: provider.redeem(form(late))).description.startswith("AADSTS70008")
    _, stolen = provider.enter(asked, ADA)
    assert refused(lambda: provider.redeem(form(stolen, code_verifier="w" * 43))).error == "invalid_grant"
    assert refused(lambda: provider.redeem(form(stolen))).error == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"client_id": "other"}, "unauthorized_client"),
        ({"redirect_uri": "http://localhost:7071/else"}, "invalid_grant"),
        ({"client_secret": "guess"}, "invalid_client"),
        ({"code": "guess"}, "invalid_grant"),
    ],
)
def test_a_code_is_good_for_one_app(provider: SignIn, changes: dict[str, str], error: str) -> None:
    """Another app, address, flow or secret gets nothing for it."""
    _, code = provider.enter(provider.ask(query()), ADA)
    assert refused(lambda: provider.redeem({**form(code), **changes})).error == error


def test_a_registered_secret_is_demanded(provider: SignIn) -> None:
    """An app with a secret gets no token without it."""
    provider.register(PAGE, [BACK], secret="s3cret")
    _, code = provider.enter(provider.ask(query()), ADA)
    assert refused(lambda: provider.redeem(form(code))).error == "invalid_client"
    assert "id_token" in provider.redeem(form(code, client_secret="s3cret"))


@pytest.mark.parametrize(
    ("changes", "error", "shown"),
    [
        ({"client_id": "other"}, "unauthorized_client", True),
        ({"redirect_uri": BACK + "/x"}, "invalid_request", True),
        ({"redirect_uri": None}, "invalid_request", True),
        ({"response_type": "id_token"}, "unsupported_response_type", False),
        ({"response_mode": "fragment"}, "invalid_request", False),
        ({"scope": "profile"}, "invalid_scope", False),
        ({"code_challenge": None}, "invalid_request", False),
        ({"code_challenge_method": "plain"}, "invalid_request", False),
        ({"prompt": "consent"}, "invalid_request", False),
        ({"prompt": "none login"}, "invalid_request", False),
        ({"max_age": "-1"}, "invalid_request", False),
        ({"max_age": "²"}, "invalid_request", False),
        ({"max_age": "9" * 5000}, "invalid_request", False),
    ],
)
def test_bad_requests_never_leave_for_a_stranger(
    provider: SignIn, changes: dict[str, str | None], error: str, *, shown: bool
) -> None:
    """A refusal goes back to a registered address only; for any other it is shown."""
    refusal = refused(lambda: provider.ask(query(**changes)))
    assert (refusal.error, refusal.redirect_uri) == (error, None if shown else BACK)
    assert shown or refusal.state == "the-state"


def test_a_session_spares_the_form_unless_freshness_is_asked(provider: SignIn, clock: ManualClock) -> None:
    """An existing session gives a code with its own auth_time; prompt=login and a passed max_age do not take it."""
    session, _ = provider.enter(provider.ask(query()), ADA)
    assert provider.resume(provider.ask(query(max_age="0")), session) is None
    clock.advance(timedelta(minutes=5))
    code = provider.resume(provider.ask(query(prompt="none", max_age="300")), session)
    assert code is not None
    token = provider.redeem(form(code))["id_token"]
    assert claims_of(provider, token)["auth_time"] == int(START.timestamp())
    for changes in ({"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "299"}, {"max_age": "0"}):
        assert provider.resume(provider.ask(query(**changes)), session) is None
    assert provider.resume(provider.ask(query()), "guess") is None
    silent = provider.ask(query(prompt="none", max_age="299"))
    assert refused(lambda: provider.resume(silent, session)).error == "login_required"
    clock.advance(timedelta(hours=24))
    assert provider.resume(provider.ask(query()), session) is None


def test_who_left_does_not_come_in(provider: SignIn, people: list[Someone]) -> None:
    """A disabled or deleted person gets no session, keeps none, and redeems nothing."""
    asked = provider.ask(query())
    session, code = provider.enter(asked, ADA)
    people[0] = replace(people[0], account_enabled=False)
    assert refused(lambda: provider.enter(asked, ADA)).description.startswith("AADSTS50057")
    assert provider.resume(asked, session) is None
    assert refused(lambda: provider.redeem(form(code))).error == "invalid_grant"
    people.clear()
    assert refused(lambda: provider.enter(asked, ADA)).description.startswith("AADSTS50034")


def test_a_sign_in_without_a_second_factor_says_so(provider: SignIn) -> None:
    """`amr` has no mfa then."""
    _, code = provider.enter(provider.ask(query()), ADA, mfa=False)
    assert claims_of(provider, provider.redeem(form(code))["id_token"])["amr"] == ["pwd"]


def test_keys_rotate(provider: SignIn) -> None:
    """A new key signs; the old stays published until it is forgotten."""
    old = provider.id_token(ADA, audience=PAGE)
    provider.rotate()
    new = provider.id_token(ADA, audience=PAGE)
    assert len(provider.key_set()["keys"]) == 2
    assert claims_of(provider, old)["oid"] == claims_of(provider, new)["oid"] == ADA
    provider.rotate(forget_old=True)
    assert len(provider.key_set()["keys"]) == 1
    with pytest.raises(KeyError):
        claims_of(provider, old)


def test_forged_tokens_differ_in_what_was_told(provider: SignIn) -> None:
    """Claims can be replaced or left out, the sign-in can be old, and a foreign key signs what nobody may believe."""
    token = provider.id_token(
        ADA, audience=PAGE, amr=["pwd"], auth_age=timedelta(hours=1), tid="other", nonce=None, name=None
    )
    claims = claims_of(provider, token)
    assert (claims["amr"], claims["tid"], claims["auth_time"]) == (
        ["pwd"],
        "other",
        int(START.timestamp()) - 3600,
    )
    assert not {"nonce", "name"} & set(claims)
    foreign = provider.id_token(ADA, audience=PAGE, key=Signer())
    with pytest.raises(KeyError):
        claims_of(provider, foreign)
    with pytest.raises(KeyError):
        provider.id_token("nobody", audience=PAGE)


def test_an_id_token_opens_no_service(people: list[Someone]) -> None:
    """Even signed by the services' own key, a person's token is no app's."""
    signer = Signer()
    provider = SignIn(lambda: datetime.now(UTC), lambda: people, signer=signer)
    token = provider.id_token(ADA, audience="https://graph.microsoft.com")
    with pytest.raises(TokenRefused):
        signer.check(token, {"https://graph.microsoft.com"})

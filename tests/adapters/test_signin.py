"""Who calls: every claim of the id token counts, and its keys are found, kept and rotated."""

import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from local.tokens import TENANT_ID, Signer
from shared.adapters.signin import TokenCallers
from shared.adapters.signin_keys import ASK_AT_MOST_EVERY, REFRESH_AFTER, TRUST_FOR, SignInKeys
from shared.domain.fates import Refused, TryLater
from shared.domain.passcode import IdToken
from tests.adapters.conftest import NOON
from tests.adapters.test_graph_passes import everything_of

PAGE = "9c2c1f0e-5a52-4c0b-9d4e-1b7a3c9e2d11"
DANA = "3f0c8a52-94c3-4f0e-8a54-7f8a6d2f1c11"
FRESH = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


@dataclass
class Authority:
    """A sign-in authority: its discovery document, its keys, and how often it was asked."""

    signers: list[Signer]
    port: int = 0
    asked: list[str] = field(default_factory=list)
    down: bool = False
    about: dict[str, Any] = field(default_factory=dict)
    more_keys: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return the issuer."""
        return f"http://localhost:{self.port}/{TENANT_ID}/v2.0"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer discovery and keys."""
        self.asked.append(request.path.rpartition("/")[2])
        if self.down:
            return web.Response(status=503)
        if request.path.endswith("openid-configuration"):
            root = f"http://localhost:{self.port}"
            return web.json_response({"issuer": self.url, "jwks_uri": f"{root}/keys", **self.about})
        return web.json_response({"keys": [*self.more_keys, *(s.key_set()["keys"][0] for s in self.signers)]})

    def claims(self, now: datetime = NOON, **changes: Any) -> dict[str, Any]:
        """Return what Dana's token says, with changes; a change to None takes the claim away."""
        at = int(now.timestamp())
        usual = {
            "iss": self.url,
            "aud": PAGE,
            "tid": TENANT_ID,
            "oid": DANA,
            "name": "Dana Ek",
            "iat": at,
            "nbf": at,
            "exp": at + 3600,
            "auth_time": at,
            "amr": ["pwd", "mfa"],
            "ver": "2.0",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def token(self, now: datetime = NOON, **changes: Any) -> IdToken:
        """Return Dana's token."""
        return IdToken(self.signers[0].sign(self.claims(now, **changes)))


@pytest.fixture
async def authority(signer: Signer) -> AsyncIterator[Authority]:
    """Serve an authority."""
    made = Authority([signer])
    app = web.Application()
    app.router.add_get("/{tail:.*}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def callers(authority: Authority) -> AsyncIterator[TokenCallers]:
    """Return callers of the authority's tenant and our page."""
    async with aiohttp.ClientSession() as session:
        yield TokenCallers(SignInKeys(session, authority.url), tenant_id=TENANT_ID, audience=PAGE)


async def why(callers: TokenCallers, token: IdToken, now: datetime = NOON) -> str:
    """Return the code of the refusal."""
    with pytest.raises(Refused) as raised:
        await callers.check(token, now=now, fresh_within=FRESH)
    assert raised.value.__cause__ is raised.value.__context__ is None
    return raised.value.why


async def test_a_caller_is_known_by_their_token(callers: TokenCallers, authority: Authority) -> None:
    """Object id, name, and when they signed in."""
    caller = await callers.check(authority.token(), now=NOON, fresh_within=FRESH)
    assert (caller.object_id, caller.name, caller.signed_in_at) == (DANA, "Dana Ek", NOON)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://login.microsoftonline.com/other/v2.0"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": str(uuid.uuid4())}, "audience"),
        ({"aud": [PAGE, "another"]}, "audience"),
        ({"aud": None}, "audience"),
        ({"scp": "openid"}, "not_an_id_token"),
        ({"idtyp": "app"}, "not_an_id_token"),
        ({"tid": str(uuid.uuid4())}, "tenant"),
        ({"tid": None}, "tenant"),
        ({"oid": None}, "object_id"),
        ({"oid": "dana@contoso.com"}, "object_id"),
        ({"oid": f"{{{DANA}}}"}, "object_id"),
        ({"exp": None}, "expired"),
        ({"exp": "tomorrow"}, "expired"),
        ({"exp": 10**30}, "expired"),
        ({"nbf": None}, "not_valid_yet"),
        ({"nbf": True}, "not_valid_yet"),
        ({"auth_time": None}, "no_sign_in_time"),
        ({"amr": None}, "no_mfa"),
        ({"amr": ["pwd"]}, "no_mfa"),
        ({"amr": ["pwd"], "acrs": []}, "no_mfa"),
        ({"amr": ["pwd"], "acrs": ["", 7]}, "no_mfa"),
        ({"amr": {"mfa": True}}, "no_mfa"),
    ],
)
async def test_every_claim_counts(
    callers: TokenCallers, authority: Authority, changes: dict[str, Any], code: str
) -> None:
    """One thing wrong is enough, and the log says which."""
    assert await why(callers, authority.token(**changes)) == code


@pytest.mark.parametrize(
    "changes", [{"amr": None, "acrs": "c1"}, {"amr": None, "acrs": ["c1"]}, {"amr": "mfa"}, {"name": None}, {"name": 7}]
)
async def test_what_is_enough_is_enough(callers: TokenCallers, authority: Authority, changes: dict[str, Any]) -> None:
    """An authentication context is as good as MFA; a name is a courtesy."""
    caller = await callers.check(authority.token(**changes), now=NOON, fresh_within=FRESH)
    assert caller.object_id == DANA


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (timedelta(minutes=-1), ""),
        (timedelta(minutes=-1) - SECOND, "not_valid_yet"),
        (timedelta(0), ""),
        (FRESH, ""),
        (FRESH + SECOND, "stale_sign_in"),
        (timedelta(hours=1, minutes=1), "expired"),
    ],
)
async def test_time_is_kept(callers: TokenCallers, authority: Authority, after: timedelta, code: str) -> None:
    """A minute of leeway for clocks, none for how fresh the sign-in is."""
    token = authority.token()
    if code:
        assert await why(callers, token, NOON + after) == code
    else:
        await callers.check(token, now=NOON + after, fresh_within=FRESH)


async def test_a_sign_in_from_the_future_is_none(callers: TokenCallers, authority: Authority) -> None:
    """`auth_time` ahead of us by more than the leeway."""
    ahead = int((NOON + timedelta(minutes=2)).timestamp())
    assert await why(callers, authority.token(auth_time=ahead)) == "no_sign_in_time"


async def test_only_the_authoritys_signature_counts(callers: TokenCallers, authority: Authority) -> None:
    """Another key under the same id, no signature, a shared secret, another algorithm: all refused."""
    claims, signer = authority.claims(), authority.signers[0]
    kid = {"kid": signer.key_id}
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert await why(callers, IdToken(jwt.encode(claims, other, algorithm="RS256", headers=kid))) == "signature"
    assert await why(callers, IdToken(jwt.encode(claims, "", algorithm="none", headers=kid))) == "algorithm"
    assert await why(callers, IdToken(jwt.encode(claims, "k" * 32, algorithm="HS256", headers=kid))) == "algorithm"
    assert await why(callers, IdToken(jwt.encode(claims, other, algorithm="RS512", headers=kid))) == "algorithm"
    good = authority.token().reveal()
    assert await why(callers, IdToken(good[:-6] + "AAAAAA")) == "signature"
    body = jwt.encode({**claims, "oid": str(uuid.uuid4())}, other, algorithm="RS256", headers=kid).split(".")[1]
    header, _, signature = good.split(".")
    assert await why(callers, IdToken(f"{header}.{body}.{signature}")) == "signature"


@pytest.mark.parametrize(
    ("text", "code"),
    [("x", "not_a_token"), ("a.b.c", "not_a_token"), ("\u2603", "not_a_token"), ("a" * 16_385, "too_large")],
)
async def test_nonsense_is_no_token(callers: TokenCallers, authority: Authority, text: str, code: str) -> None:
    """And nobody is asked for a key because of it."""
    assert await why(callers, IdToken(text)) == code
    assert authority.asked == []


async def test_a_token_without_a_key_id_is_refused(callers: TokenCallers, authority: Authority) -> None:
    """We do not try every key."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert await why(callers, IdToken(jwt.encode(authority.claims(), other, algorithm="RS256"))) == "unknown_key"
    assert authority.asked == []


async def test_keys_are_kept_and_read_anew_now_and_then(callers: TokenCallers, authority: Authority) -> None:
    """One look for many callers; another one after some hours."""
    for _ in range(3):
        await callers.check(authority.token(), now=NOON, fresh_within=FRESH)
    assert authority.asked == ["openid-configuration", "keys"]
    later = NOON + REFRESH_AFTER + SECOND
    await callers.check(authority.token(later), now=later, fresh_within=FRESH)
    assert len(authority.asked) == 4


async def test_a_new_key_is_found_and_an_unknown_one_is_not_asked_for_twice(
    callers: TokenCallers, authority: Authority
) -> None:
    """Rotation works within a minute; made-up key ids do not make us hammer the authority."""
    await callers.check(authority.token(), now=NOON, fresh_within=FRESH)
    authority.signers = [Signer()]
    rotated = authority.token()
    assert await why(callers, rotated, NOON + SECOND) == "unknown_key"
    assert len(authority.asked) == 2
    later = NOON + ASK_AT_MOST_EVERY
    assert (await callers.check(rotated, now=later, fresh_within=FRESH)).object_id == DANA
    stranger = jwt.encode(authority.claims(), rsa.generate_private_key(65537, 2048), "RS256", {"kid": "made-up"})
    for _ in range(5):
        assert await why(callers, IdToken(stranger), later) == "unknown_key"
    assert len(authority.asked) == 4


async def test_an_authority_that_is_down_is_outlasted_for_a_while(callers: TokenCallers, authority: Authority) -> None:
    """Known keys are trusted for a day; then nobody is, and nobody is called an impostor for it."""
    await callers.check(authority.token(), now=NOON, fresh_within=FRESH)
    authority.down = True
    later = NOON + REFRESH_AFTER + SECOND
    await callers.check(authority.token(later), now=later, fresh_within=FRESH)
    other = jwt.encode(authority.claims(later), rsa.generate_private_key(65537, 2048), "RS256", {"kid": "new"})
    with pytest.raises(TryLater):
        await callers.check(IdToken(other), now=later, fresh_within=FRESH)
    much_later = NOON + TRUST_FOR + SECOND
    with pytest.raises(TryLater):
        await callers.check(authority.token(much_later), now=much_later, fresh_within=FRESH)


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://elsewhere.example/v2.0"},
        {"jwks_uri": "https://elsewhere.example/keys"},
        {"jwks_uri": None},
        {"issuer": None},
    ],
)
async def test_a_discovery_that_points_elsewhere_is_not_followed(
    callers: TokenCallers, authority: Authority, about: dict[str, Any]
) -> None:
    """Keys come from the authority's own host, or not at all."""
    authority.about = about
    with pytest.raises(TryLater):
        await callers.check(authority.token(), now=NOON, fresh_within=FRESH)
    assert authority.asked == ["openid-configuration"]


async def test_keys_that_are_not_for_us_are_passed_over(callers: TokenCallers, authority: Authority) -> None:
    """Other kinds, other uses, weak and broken ones; the good one beside them works."""
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505 - to be refused
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    good = authority.signers[0].key_set()["keys"][0]
    authority.more_keys = [
        {**jwt.algorithms.RSAAlgorithm.to_jwk(weak, as_dict=True), "kid": "weak"},
        {**jwt.algorithms.ECAlgorithm.to_jwk(curve, as_dict=True), "kid": "curve"},
        {**good, "kid": "other-use", "use": "enc"},
        {**good, "kid": 7},
        {"kty": "RSA", "kid": "broken", "n": "?"},
    ]
    await callers.check(authority.token(), now=NOON, fresh_within=FRESH)
    found = callers._keys._keys
    assert set(found) == {authority.signers[0].key_id}


async def test_a_discovery_of_a_megabyte_is_not_read(callers: TokenCallers, authority: Authority) -> None:
    """Nobody's keys take that much."""
    authority.about = {"padding": "x" * 1_000_001}
    with pytest.raises(TryLater):
        await callers.check(authority.token(), now=NOON, fresh_within=FRESH)


async def test_an_authority_without_keys_knows_nobody(callers: TokenCallers, authority: Authority) -> None:
    """An empty set is a fault over there, not a verdict on the caller."""
    authority.signers, token = [], authority.token()
    with pytest.raises(TryLater):
        await callers.check(token, now=NOON, fresh_within=FRESH)


async def test_no_log_and_no_exception_holds_the_token(
    callers: TokenCallers, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong with it, the token itself is nowhere."""
    caplog.set_level(logging.DEBUG)
    token = authority.token(oid="x")
    with pytest.raises(Refused) as raised:
        await callers.check(token, now=NOON, fresh_within=FRESH)
    signature = token.reveal().rpartition(".")[2]
    assert signature not in everything_of(raised.value)
    assert signature not in caplog.text

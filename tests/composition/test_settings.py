"""Settings: what an operator may say, what is assumed, and everything that is wrong told at once."""

from datetime import timedelta

import pytest

from shared.composition.settings import BadSettings, Settings
from shared.domain.events import Gate
from shared.domain.orders import Purpose
from shared.domain.terms import Terms

GUID = "9c2c1f0e-5a52-4c0b-9d4e-1b7a3c9e2d11"
ENOUGH = {
    "PASSDESK_ROLE": "issuer",
    "PASSDESK_TENANT_ID": GUID.upper(),
    "PASSDESK_CLIENT_ID": GUID,
    "PASSDESK_BUS__fullyQualifiedNamespace": "contoso.servicebus.windows.net",
    "PASSDESK_VAULT_URL": "https://contoso.vault.azure.net/",
    "PASSDESK_LEDGER_URL": "https://contoso.table.core.windows.net",
    "PASSDESK_PAGE_URL": "https://pass.contoso.com/",
    "PASSDESK_PAGE_CLIENT_ID": GUID,
    "PASSDESK_SIGN_IN_AUTHORITY": f"https://login.microsoftonline.com/{GUID}/v2.0",
}


def read(**changes: str | None) -> Settings:
    """Return settings that are enough, with changes by short name; None takes one away."""
    full = {f"PASSDESK_{name}": value for name, value in changes.items()}
    return Settings.from_env({k: v for k, v in {**ENOUGH, **full}.items() if v is not None})


def test_enough_is_enough() -> None:
    """Everything else has the default that the documentation states."""
    settings = read()
    assert settings.tenant_id == GUID
    assert settings.vault_url == "https://contoso.vault.azure.net"
    assert settings.graph_url == "https://graph.microsoft.com/v1.0"
    assert settings.terms == Terms(notice_route=False)
    assert settings.entities.requests == "requests"
    assert settings.joiners_gate == Gate("joiners", Purpose.JOINER, frozenset({"/hr/workday"}))
    assert settings.tickets_gate == Gate("tickets", Purpose.RECOVERY, frozenset({"/itsm/servicenow"}))
    assert not settings.read_sign_ins


def test_everything_can_be_said() -> None:
    """Each setting arrives where it belongs."""
    settings = read(
        MAILBOX="passdesk@contoso.com",
        GRAPH_URL="https://graph.microsoft.us/v1.0/",
        LANES="4",
        LEAD_MINUTES="90",
        JOINER_WINDOW_DAYS="14",
        JOINER_PATIENCE_HOURS="48",
        PROTECTED_PEOPLE=f" boss@contoso.com ,{GUID},, ",
        PROTECTED_GROUPS=GUID.upper(),
        WITHOUT_P2="True",
        READ_SIGN_INS="1",
        JOINER_SOURCES="/hr/sap,/hr/workday",
        TICKET_SOURCES="/itsm/jira",
        REQUESTS_QUEUE="pd/requests",
        OUTCOMES_TOPIC="pd-outcomes",
    )
    assert settings.terms == Terms(
        lead=timedelta(minutes=90),
        joiner_window=timedelta(days=14),
        joiner_patience=timedelta(hours=48),
        protected_people=frozenset({"boss@contoso.com", GUID}),
        protected_groups=frozenset({GUID}),
        without_p2=True,
        lanes=4,
    )
    assert settings.read_sign_ins
    assert settings.graph_url == "https://graph.microsoft.us/v1.0"
    assert settings.joiner_sources == frozenset({"/hr/sap", "/hr/workday"})
    assert (settings.entities.requests, settings.entities.outcomes) == ("pd/requests", "pd-outcomes")


def test_names_are_read_without_case() -> None:
    """Windows and some deployment tools write environment names in capitals."""
    assert Settings.from_env({name.upper(): value for name, value in ENOUGH.items()}) == read()


def test_everything_that_is_missing_is_named_at_once() -> None:
    """One look at the log is enough to set an app up."""
    with pytest.raises(BadSettings) as raised:
        Settings.from_env({})
    assert set(raised.value.flaws) == set(ENOUGH)
    assert set(raised.value.flaws.values()) == {"is missing"}


def test_the_courier_needs_a_mailbox() -> None:
    """Without one it could tell nobody; the issuer without one refuses before minting."""
    with pytest.raises(BadSettings, match="PASSDESK_MAILBOX: is missing"):
        read(ROLE="courier")
    assert read(ROLE="courier", MAILBOX="p@contoso.com").role == "courier"
    assert read(MAILBOX="p@contoso.com").terms.notice_route
    assert not read().terms.notice_route


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROLE", "both"),
        ("TENANT_ID", "contoso"),
        ("CLIENT_ID", "system"),
        ("BUS__fullyQualifiedNamespace", "sb://contoso.servicebus.windows.net"),
        ("BUS__fullyQualifiedNamespace", "host:5671"),
        ("VAULT_URL", "http://contoso.vault.azure.net"),
        ("VAULT_URL", "contoso.vault.azure.net"),
        ("VAULT_URL", "https://user:word@contoso.vault.azure.net"),
        ("VAULT_URL", "https://"),
        ("LEDGER_URL", "https://contoso.table.core.windows.net?sv=2024&sig=abc"),
        ("LEDGER_URL", "https://[::1"),
        ("GRAPH_URL", "ftp://graph.microsoft.com"),
        ("GRAPH_URL", "https://graph.microsoft.com:99999/v1.0"),
        ("PAGE_URL", "javascript:alert(1)"),
        ("SIGN_IN_AUTHORITY", "https://login.microsoftonline.com/#x"),
        ("MAILBOX", "nobody"),
        ("MAILBOX", "a/../b@contoso.com"),
        ("REQUESTS_QUEUE", "requests;x"),
        ("LANES", "0"),
        ("LANES", "1001"),
        ("LANES", "\u0664"),
        ("LEAD_MINUTES", "-1"),
        ("LEAD_MINUTES", "an hour"),
        ("JOINER_WINDOW_DAYS", "0"),
        ("WITHOUT_P2", "perhaps"),
        ("PROTECTED_GROUPS", f"{GUID},admins"),
        ("JOINER_SOURCES", ","),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(name: str, value: str) -> None:
    """The setting's name and what it must be; never its value: somebody may have pasted a key."""
    with pytest.raises(BadSettings) as raised:
        read(**{name: value})
    assert set(raised.value.flaws) == {f"PASSDESK_{name}"}
    assert value not in raised.value.flaws[f"PASSDESK_{name}"] or len(value) == 1


def test_plain_http_is_for_this_machine_only() -> None:
    """As the SDKs have it: tokens go over http to localhost alone."""
    assert read(GRAPH_URL="http://localhost:5000/v1.0").graph_url == "http://localhost:5000/v1.0"
    with pytest.raises(BadSettings):
        read(GRAPH_URL="http://localhost.example.com/v1.0")

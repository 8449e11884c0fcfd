"""Settings: what an operator may say, what is assumed, and everything that is wrong told at once."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.composition.settings import BadSettings, Settings
from shared.domain.events import Gate
from shared.domain.orders import Purpose
from shared.domain.terms import RecoveryTerms, Terms

GUID = "9c2c1f0e-5a52-4c0b-9d4e-1b7a3c9e2d11"
OTHER = "0e8b6f5a-2b5c-4f6e-8d3a-6a1f0c9b7e42"
SHIPPED = Path(__file__).parents[2] / "shared/composition/recovery.toml"
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
        DESK_GROUPS=f"{GUID.upper()},{OTHER}",
        APPROVER_GROUPS=OTHER,
        ELEVATED_GROUPS=GUID,
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
        recovery=RecoveryTerms(
            desk_groups=frozenset({GUID, OTHER}),
            approver_groups=frozenset({OTHER}),
            elevated_groups=frozenset({GUID}),
        ),
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
        ("DESK_GROUPS", "Service desk"),
        ("APPROVER_GROUPS", f"{GUID};{GUID}"),
        ("ELEVATED_GROUPS", "*"),
        ("RECOVERY_FILE", "no/such/file.toml"),
        ("RECOVERY_FILE", "shared/composition"),
        ("RECOVERY_FILE", "x" * 5000),
        ("RECOVERY_FILE", "a\0b"),
        ("RECOVERY_FILE", "shared/composition/settings.py"),
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


def test_a_file_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an absolute path, or from the app's root wherever the process stands; groups stay what their settings say."""
    written = SHIPPED.read_text(encoding="utf-8").replace("recipient = 50", "recipient = 49")
    written = written.replace("min_age_days = 14", "min_age_days = 30")
    (tmp_path / "ours.toml").write_text(written, encoding="utf-8")
    terms = read(RECOVERY_FILE=str(tmp_path / "ours.toml"), DESK_GROUPS=GUID).terms
    assert terms.joiner_caps.recipient == 49
    assert terms.recovery == RecoveryTerms(recipient_age=timedelta(days=30), desk_groups=frozenset({GUID}))
    monkeypatch.chdir(tmp_path)
    assert read(RECOVERY_FILE="shared/composition/recovery.toml") == read(RECOVERY_FILE="") == read()


def test_flaws_of_the_file_are_told_with_all_others(tmp_path: Path) -> None:
    """By the setting's name and the key's place: one look at the log is still enough."""
    written = SHIPPED.read_text(encoding="utf-8").replace("tenant = 50\n", "tenant = 987654321\n")
    (tmp_path / "ours.toml").write_text(written.replace('chat = "chat"', 'chat = "canary"'), encoding="utf-8")
    with pytest.raises(BadSettings) as raised:
        read(RECOVERY_FILE=str(tmp_path / "ours.toml"), LANES="0")
    assert set(raised.value.flaws) == {
        "PASSDESK_LANES",
        "PASSDESK_RECOVERY_FILE: caps.tickets.tenant",
        "PASSDESK_RECOVERY_FILE: methods.chat",
    }
    assert "PASSDESK_RECOVERY_FILE: caps.tickets.tenant: must be a whole number from 1 to 10000" in str(raised.value)
    assert not any(word in str(raised.value) for word in ("987654321", "canary", str(tmp_path)))

"""The recovery policy's file: what is shipped is what the rules assume, and no file is half understood."""

import os
import re
import tomllib
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.composition.recovery_file import MAX_BYTES, BadPolicy, RecoveryPolicy, load
from shared.domain.evidence import LEVELS, Assurance, Demand, EvidenceTerms
from shared.domain.limits import Caps
from shared.domain.orders import LostKind
from shared.domain.terms import JOINER_CAPS, CompletionTerms, RecoveryTerms

SHIPPED = Path(__file__).parents[2] / "shared/composition/recovery.toml"
TEXT = SHIPPED.read_text(encoding="utf-8")
KEYS = tuple(
    (*section, key)
    for section, keys in (
        (("standard",), ("minimum", "proofs")),
        (("elevated",), ("minimum", "proofs")),
        (("evidence",), ("max_age_minutes",)),
        (("recipient",), ("min_age_days",)),
        (("quiet",), ("password_hours", "phone_hours", "manager_hours")),
        (("limits",), ("hours_between_passes", "approval_minutes")),
        (("caps", "tickets"), ("verifier", "recipient", "tenant")),
        (("caps", "joiners"), ("recipient", "tenant")),
        (("completion",), (*(kind.value for kind in LostKind), "revoke_sessions", "go_on_after_failure")),
    )
    for key in keys
)
NUMBERS = {
    "max_age_minutes": (1, 1440),
    "min_age_days": (0, 365),
    "password_hours": (0, 720),
    "phone_hours": (0, 720),
    "manager_hours": (0, 720),
    "hours_between_passes": (1, 720),
    "approval_minutes": (1, 240),
    "verifier": (1, 10_000),
    "recipient": (1, 10_000),
    "tenant": (1, 10_000),
    "proofs": (1, 2),
}


def written(value: object) -> str:
    """Return a value as TOML: tables inline, text with its quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{name}" = {written(inner)}' for name, inner in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def shipped() -> dict[str, Any]:
    """Return the shipped file's tables, for a test to change."""
    return tomllib.loads(TEXT)


def put(data: dict[str, Any], place: tuple[str, ...], value: object) -> dict[str, Any]:
    """Set one key, or take it away (None)."""
    *sections, key = place
    table = data
    for section in sections:
        table = table[section]
    if value is None:
        del table[key]
    else:
        table[key] = value
    return data


def loaded(path: Path, data: dict[str, Any]) -> RecoveryPolicy:
    """Return the policy in a file that holds these tables."""
    path.write_text("".join(f'"{name}" = {written(value)}\n' for name, value in data.items()), encoding="utf-8")
    return load(path)


def flaws(path: Path, data: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with a file that holds these tables."""
    with pytest.raises(BadPolicy) as raised:
        loaded(path, data)
    return raised.value.flaws


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a test writes its file."""
    return tmp_path_factory.mktemp("policy") / "ours.toml"


def test_what_is_shipped_is_what_the_rules_assume() -> None:
    """The file that a reviewer reads and the defaults that the rules are tested with are the same, to the last cap."""
    policy = load(SHIPPED)
    assert policy.recovery == RecoveryTerms()
    assert policy.joiner_caps == JOINER_CAPS


def test_every_level_and_every_key_is_explained() -> None:
    """Each level stands in the comments with what it means, and each table follows a comment of its own."""
    for label in LEVELS:
        assert re.search(rf"^#   {label} +\w", TEXT, re.MULTILINE), label
    for name in re.findall(r"^\[(.+)\]$", TEXT, re.MULTILINE):
        if name != "caps.joiners":
            assert re.search(rf"^# .+\n\[{re.escape(name)}\]$", TEXT, re.MULTILINE), name
    assert "claim by the ticket system" in TEXT
    assert set(shipped()["completion"].values()) == {False}


def test_everything_can_be_said(file: Path) -> None:
    """Each key arrives where it belongs; no field of the terms is out of the file's reach, but the groups."""
    data = {
        "methods": {"letter": "none", "walk-in": "in-person-id", "id.card": "verified-id"},
        "standard": {"minimum": "in-person-id", "proofs": 1},
        "elevated": {"minimum": "verified-id", "proofs": 2},
        "evidence": {"max_age_minutes": 5},
        "recipient": {"min_age_days": 0},
        "quiet": {"password_hours": 1, "phone_hours": 2, "manager_hours": 3},
        "limits": {"hours_between_passes": 48, "approval_minutes": 10},
        "caps": {"tickets": {"verifier": 1, "recipient": 2, "tenant": 3}, "joiners": {"recipient": 4, "tenant": 5}},
        "completion": {
            **dict.fromkeys((kind.value for kind in LostKind), False),
            "fido2": True,
            "revoke_sessions": True,
            "go_on_after_failure": True,
        },
    }
    policy = loaded(file, data)
    hour = timedelta(hours=1)
    assert policy == RecoveryPolicy(
        recovery=RecoveryTerms(
            evidence=EvidenceTerms(
                methods={
                    "letter": Assurance.NONE,
                    "walk-in": Assurance.IN_PERSON_ID,
                    "id.card": Assurance.VERIFIED_ID,
                },
                standard=Demand(Assurance.IN_PERSON_ID, 1),
                elevated=Demand(Assurance.VERIFIED_ID, 2),
                age=timedelta(minutes=5),
            ),
            recipient_age=timedelta(0),
            password_quiet=hour,
            phone_quiet=2 * hour,
            manager_quiet=3 * hour,
            once_in=48 * hour,
            approval=timedelta(minutes=10),
            completion=CompletionTerms(frozenset({LostKind.FIDO2}), revoke_sessions=True, go_on=True),
            caps=Caps(1, 2, 3),
        ),
        joiner_caps=Caps(None, 4, 5),
    )
    usual = RecoveryTerms()
    same = {f.name for f in fields(RecoveryTerms) if getattr(usual, f.name) == getattr(policy.recovery, f.name)}
    assert same == {"desk_groups", "approver_groups", "elevated_groups"}


@pytest.mark.parametrize("place", KEYS, ids=".".join)
def test_a_key_that_is_missing_is_a_flaw(file: Path, place: tuple[str, ...]) -> None:
    """Nothing is assumed: whoever reads the file has read the policy."""
    assert flaws(file, put(shipped(), place, None)) == {".".join(place): "is missing"}


@pytest.mark.parametrize("section", sorted(shipped()))
def test_a_table_that_is_missing_or_none_is_a_flaw(file: Path, section: str) -> None:
    """Told once, by the table's name."""
    assert flaws(file, put(shipped(), (section,), None)) == {section: "is missing"}
    assert flaws(file, put(shipped(), (section,), 5)) == {section: "must be a table"}


@pytest.mark.parametrize("place", [("quiet", "days"), ("extra",), ("caps", "guests"), ("caps", "joiners", "verifier")])
def test_a_key_that_is_not_known_is_a_flaw(file: Path, place: tuple[str, ...]) -> None:
    """A key with a slip of the pen is not a key that was set."""
    assert flaws(file, put(shipped(), place, 5)) == {".".join(place): "is not known"}


@pytest.mark.parametrize("place", [place for place in KEYS if place[-1] in NUMBERS], ids=".".join)
def test_numbers_have_bounds(file: Path, place: tuple[str, ...]) -> None:
    """From the least to the most, whole, and nothing that only looks like a number."""
    least, most = NUMBERS[place[-1]]
    told = {".".join(place): f"must be a whole number from {least} to {most}"}
    for good in (least, most):
        data = put(shipped(), place, good)
        if place == ("standard", "proofs"):
            data["elevated"]["proofs"] = 2
        loaded(file, data)
    for bad in (least - 1, most + 1, 1.5, "1", True, [1]):
        assert flaws(file, put(shipped(), place, bad)) == told


@pytest.mark.parametrize("place", [place for place in KEYS if place[0] == "completion"], ids=".".join)
@pytest.mark.parametrize("bad", [1, "true", 0.0])
def test_switches_are_true_or_false(file: Path, place: tuple[str, ...], bad: object) -> None:
    """What deletes somebody's key is switched on by `true` and by nothing else."""
    assert flaws(file, put(shipped(), place, bad)) == {".".join(place): "must be true or false"}


@pytest.mark.parametrize("level", ["none", "None", "EMAIL", "strongest", "", 3, True])
def test_a_minimum_is_a_level_above_none(file: Path, level: object) -> None:
    """A minimum of none would be no minimum."""
    for section in ("standard", "elevated"):
        (told,) = flaws(file, put(shipped(), (section, "minimum"), level)).items()
        assert told == (
            f"{section}.minimum",
            "must be one of email, chat, call-back-hr-number, manager-approval, in-person-id, verified-id",
        )


def test_the_elevated_never_need_less(file: Path) -> None:
    """Neither a lower level nor fewer proofs than everybody else."""
    data = put(shipped(), ("elevated", "minimum"), "chat")
    assert flaws(file, data) == {"elevated.minimum": "may not be below standard.minimum"}
    data = put(shipped(), ("standard", "proofs"), 2)
    assert flaws(file, data) == {"elevated.proofs": "may not be below standard.proofs"}
    loaded(file, put(shipped(), ("elevated", "minimum"), "call-back-hr-number"))


def test_methods_are_the_operators_own_and_their_levels_ours(file: Path) -> None:
    """A level that is none of ours, a name that no ticket can have, or no method at all."""
    (told,) = flaws(file, put(shipped(), ("methods", "handshake"), "canary")).items()
    assert told[0] == "methods.handshake"
    assert told[1].startswith("must be one of none, email, ")
    assert flaws(file, put(shipped(), ("methods", "by phone"), "chat")) == {
        "methods.(a key of other characters)": "is no name that a ticket can have"
    }
    assert flaws(file, put(shipped(), ("methods",), {})) == {"methods": "must have at least one entry"}


def test_all_flaws_are_told_at_once_and_no_value_is(file: Path) -> None:
    """One start is enough to mend a file; and what somebody pasted by mistake is not in the log."""
    data = put(shipped(), ("caps", "tickets", "tenant"), "canary-1")
    data["limits"] |= {"approval_minutes": 7654321, "canary 2": 1}
    data["methods"]["chat"] = "canary-3"
    del data["quiet"]
    found = flaws(file, data)
    assert set(found) == {
        "caps.tickets.tenant",
        "limits.approval_minutes",
        "limits.(a key of other characters)",
        "methods.chat",
        "quiet",
    }
    assert not re.search(r"canary|7654321", str(found))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", None),
        (b"canary = \n", "is not TOML (line 1)"),
        (b"[methods]\nchat = 'a'\nchat = 'canary'\n", "is not TOML (line 3)"),
        (b"[methods]\n[methods]\n", "is not TOML (line 2)"),
        (b"\xffcanary", "is not UTF-8"),
        (b"\xef\xbb\xbf[methods]", "is not TOML (line 1)"),
        (b"#" * (MAX_BYTES + 1), f"is larger than {MAX_BYTES} bytes"),
        (b"a = " + b"[" * 20_000, "is nested too deep"),
        (b"a = " + b"9" * 5000, "is not TOML"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(file: Path, body: bytes, told: str | None) -> None:
    """By line where it can be said, without what stands there."""
    file.write_bytes(body)
    with pytest.raises(BadPolicy) as raised:
        load(file)
    if told is None:
        assert set(raised.value.flaws) == set(shipped())
    else:
        assert raised.value.flaws == {"": told}
    assert "canary" not in str(raised.value)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A folder, nothing, or a pipe that nobody writes to: refused at once."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "pipe"):
        with pytest.raises(BadPolicy) as raised:
            load(path)
        assert raised.value.flaws == {"": "must be a file"}


def test_a_file_that_may_not_be_read_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing right is a flaw like every other."""
    file.write_text(TEXT, encoding="utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "canary")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BadPolicy) as raised:
        load(file)
    assert raised.value.flaws == {"": "cannot be read"}


@settings(max_examples=200)
@given(place=st.sampled_from(KEYS), value=st.integers() | st.floats() | st.booleans() | st.just("canary"))
def test_a_changed_key_is_a_policy_or_a_flaw_of_that_key(file: Path, place: tuple[str, ...], value: object) -> None:
    """Whatever stands there: never another exception, and never a flaw elsewhere (but where the elevated need less)."""
    told: set[str] = set()
    try:
        loaded(file, put(shipped(), place, value))
    except BadPolicy as bad:
        told = set(bad.flaws)
    assert told in (set(), {".".join(place)}, {"elevated.proofs"} if place == ("standard", "proofs") else set())

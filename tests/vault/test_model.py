"""The vault's model on a clock that stands still."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from local.clock import ManualClock
from local.vault.model import Vault
from local.vault.records import Attributes, Change, Settings, VaultRefusal

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock at START."""
    return ManualClock(START)


@pytest.fixture
def vault(clock: ManualClock) -> Vault:
    """Return an empty vault with seven days of retention."""
    return Vault(clock)


def refused(act: Callable[[], object]) -> tuple[int, str, str | None]:
    """Return how `act` is refused."""
    with pytest.raises(VaultRefusal) as caught:
        act()
    return caught.value.status, caught.value.code, caught.value.inner


def test_a_second_set_makes_a_version(vault: Vault) -> None:
    """The same name in any case gets a new version; the old one stays readable by its id."""
    first = vault.set("Pass-1", "one")
    second = vault.set("pass-1", "two")
    assert second.name == "Pass-1"
    assert vault.get("PASS-1").value == "two"
    assert vault.get("pass-1", first.version).value == "one"
    assert {v.version for v in vault.list_versions("pass-1").items} == {first.version, second.version}
    assert refused(lambda: vault.get("pass-1", "0" * 32)) == (404, "SecretNotFound", None)


def test_validity_informs_and_disabling_blocks(vault: Vault) -> None:
    """An expired or future secret is readable; a disabled one is not, until enabled again."""
    now = int(START.timestamp())
    vault.set("old", "v", attributes=Attributes(expires=now - 60))
    vault.set("new", "v", attributes=Attributes(not_before=now + 60))
    assert vault.get("old").value == vault.get("new").value == "v"
    vault.update("old", "", Change(enabled=False))
    assert refused(lambda: vault.get("old")) == (403, "Forbidden", "SecretDisabled")
    vault.update("old", "", Change(enabled=True))
    assert vault.get("old").attributes == Attributes(expires=now - 60)


def test_an_update_keeps_what_it_does_not_name(vault: Vault, clock: ManualClock) -> None:
    """An update changes tags or attributes of one version, never the value, and says when."""
    made = vault.set("a", "v", content_type="text/plain", tags={"k": "1"})
    clock.advance(timedelta(minutes=1))
    changed = vault.update("a", made.version, Change(tags={"k": "2"}, expires=7))
    assert (changed.value, changed.content_type, changed.tags) == ("v", "text/plain", {"k": "2"})
    assert (changed.created, changed.updated) == (START, START + timedelta(minutes=1))
    assert vault.get("a") == changed


def test_deletion_is_soft_and_takes_all_versions(vault: Vault) -> None:
    """A deleted secret is unreadable and keeps its name until purged; recovery brings every version back."""
    first = vault.set("a", "one", tags={"request": "r"})
    vault.set("a", "two")
    deleted = vault.delete("a")
    assert deleted.deletion.purges == START + timedelta(days=7)
    assert refused(lambda: vault.get("a", first.version)) == (404, "SecretNotFound", None)
    assert refused(lambda: vault.delete("a")) == (404, "SecretNotFound", None)
    assert refused(lambda: vault.set("A", "three")) == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    assert vault.list().items == ()
    assert [d.latest.name for d in vault.list_deleted().items] == ["a"]
    vault.recover("a")
    assert vault.get("a", first.version).value == "one"
    assert refused(lambda: vault.get_deleted("a")) == (404, "SecretNotFound", None)


def test_purge_forgets_for_good(vault: Vault) -> None:
    """After a purge nothing is left and the name is free; only a deleted secret can be purged."""
    vault.set("a", "one")
    assert refused(lambda: vault.purge("a")) == (404, "SecretNotFound", None)
    vault.delete("a")
    vault.purge("a")
    assert vault.snapshot() == ()
    assert refused(lambda: vault.recover("a")) == (404, "SecretNotFound", None)
    assert vault.set("a", "two").value == "two"


def test_the_vault_purges_by_itself_when_retention_ends(vault: Vault, clock: ManualClock) -> None:
    """One second before the end of retention a secret is recoverable, at the end it is gone."""
    vault.set("a", "one")
    vault.delete("a")
    clock.advance(timedelta(days=7, seconds=-1))
    assert vault.get_deleted("a").latest.name == "a"
    clock.advance(timedelta(seconds=1))
    assert refused(lambda: vault.get_deleted("a")) == (404, "SecretNotFound", None)
    assert refused(lambda: vault.peek_value("a")) == (404, "SecretNotFound", None)


def test_a_slow_deletion_is_in_neither_listing(clock: ManualClock) -> None:
    """Until a deletion settles the secret is neither live nor deleted, and its name is busy."""
    vault = Vault(clock, Settings(deletion_takes=timedelta(seconds=4)))
    vault.set("a", "one")
    vault.delete("a")
    assert (len(vault.list().items), len(vault.list_deleted().items)) == (0, 0)
    assert refused(lambda: vault.get_deleted("a"))[0] == 404
    for act in (lambda: vault.set("a", "x"), lambda: vault.purge("a"), lambda: vault.recover("a")):
        assert refused(act) == (409, "Conflict", "ObjectIsBeingDeleted")
    clock.advance(timedelta(seconds=4))
    assert vault.get_deleted("a").latest.name == "a"
    vault.purge("a")


def test_purge_protection_refuses_purges(clock: ManualClock) -> None:
    """With purge protection nobody purges; the retention still ends."""
    vault = Vault(clock, Settings(purge_protection=True))
    vault.set("a", "one")
    vault.delete("a")
    assert refused(lambda: vault.purge("a")) == (403, "Forbidden", "ForbiddenByPolicy")
    clock.advance(timedelta(days=7))
    assert vault.snapshot() == ()


@pytest.mark.parametrize("name", ["", "a_b", "a.b", "a b", "é", "a" * 128, "a\n"])
def test_names_outside_the_pattern_are_refused(vault: Vault, name: str) -> None:
    """Only letters, digits and dashes, 1 to 127 of them."""
    assert refused(lambda: vault.set(name, "v"))[:2] == (400, "BadParameter")


def test_limits_are_kept_at_their_edges(vault: Vault) -> None:
    """25 KB of value counted in bytes, 15 tags, 512 characters per tag, 255 of content type."""
    vault.set("a" * 127, "v" * 25_600, content_type="c" * 255, tags={f"t{i}": "x" * 512 for i in range(15)})
    too_much: list[Callable[[], object]] = [
        lambda: vault.set("a", "v" * 25_601),
        lambda: vault.set("a", "é" * 12_801),
        lambda: vault.set("a", "v", content_type="c" * 256),
        lambda: vault.set("a", "v", tags={f"t{i}": "" for i in range(16)}),
        lambda: vault.set("a", "v", tags={"t": "x" * 513}),
        lambda: vault.set("a", "v", tags={"t" * 513: "x"}),
    ]
    for act in too_much:
        assert refused(act)[:2] == (400, "BadParameter")


def test_listings_come_in_pages(vault: Vault) -> None:
    """A page has at most 25 items; the token leads through all of them, once each, though others vanish."""
    for number in range(60):
        vault.set(f"pass-{number:02}", "v")
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = vault.list(after=after)
        assert len(page.items) <= 25
        seen += [v.name for v in page.items]
        for item in page.items:
            vault.delete(item.name)
        after = page.next
    assert seen == [f"pass-{number:02}" for number in range(60)]
    assert refused(lambda: vault.list(size=26)) == (400, "BadParameter", None)
    assert refused(lambda: vault.list(size=0)) == (400, "BadParameter", None)


def test_the_vault_may_answer_shorter_pages(clock: ManualClock) -> None:
    """A caller that believes a short page to be the last one is wrong here, as in Azure."""
    vault = Vault(clock, Settings(page_size=1))
    vault.set("a", "v")
    vault.set("b", "v")
    page = vault.list(size=25)
    assert ([v.name for v in page.items], page.next) == (["a"], "a")


def test_a_snapshot_shows_no_value(vault: Vault) -> None:
    """The snapshot has names, tags and content types, deleted ones too; the value only comes by `peek_value`."""
    vault.set("a", "Zx9#secret", content_type="passcode", tags={"request": "r"})
    vault.delete("a")
    (seen,) = vault.snapshot()
    assert (seen.name, seen.content_type, seen.tags, seen.deleted) == ("a", "passcode", {"request": "r"}, True)
    assert "Zx9#secret" not in repr(seen) + repr(vault.get_deleted("a"))
    assert vault.peek_value("a") == "Zx9#secret"

"""The message files: complete in every language, and every text is used."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import words
from functions.pages.spelling import spelled
from functions.words import LANGUAGES, accepted, load, preferred
from shared.domain.orders import LostKind
from shared.domain.reasons import SENTENCES, Reason
from shared.flows.hand_over import Check

PAGES = Path(words.__file__).parent


def placeholders(text: str) -> set[str]:
    """Return the names that a text wants values for."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_language_says_the_same() -> None:
    """The files have the same keys with the same placeholders, none empty, and twelve months."""
    first = load(LANGUAGES[0]).texts
    for language in LANGUAGES:
        texts = load(language).texts
        assert texts.keys() == first.keys(), language
        for key, text in texts.items():
            assert text.strip(), (language, key)
            assert placeholders(text) == placeholders(first[key]), (language, key)
        assert len(texts["months"].split()) == 12
    assert {path.stem for path in (PAGES / "messages").iterdir()} == set(LANGUAGES)


def test_no_text_is_left_over() -> None:
    """Each key is named by a page, alone or as the beginning of a family."""
    named, families = set(), set()
    for path in PAGES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                families.add(str(node.values[0].value))
    families = {family for family in families if re.fullmatch(r"[a-z_]+[. ][a-z_]*", family)}
    assert families == {"approval.", "approval.earlier_", "check.", "gone.", "lost.", "reason.", "shown.", "spell "}
    left = [k for k in load("en").texts if k not in named and not any(k.startswith(family) for family in families)]
    assert left == []


def test_what_the_domain_can_name_has_words() -> None:
    """Each way to check and each kind of lost method has its text."""
    for one in (*(f"check.{check}" for check in Check), *(f"lost.{kind}" for kind in LostKind)):
        assert one in load("en")


def test_a_reason_has_one_wording() -> None:
    """What the pages say in English of a reason is what the domain says, so that a log and a page agree."""
    said = {key: text for key, text in load("en").texts.items() if key.startswith("reason.")}
    assert said
    assert said == {f"reason.{reason}": SENTENCES[reason] for reason in Reason if f"reason.{reason}" in said}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.8", "de"),
        ("nb-NO, fr;q=0.5, de;q=0.7", "de"),
        ("FR-ca", "fr"),
        ("en;q=0.2, fr;q=0.9", "fr"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("ja, zh", "en"),
        ("*", "en"),
        ("de;q=nan, fr", "fr"),
        ("de;q=7", "en"),
        ("de;q=x, ;;,,", "en"),
    ],
)
def test_the_reader_gets_the_language_that_they_ask_for(header: str | None, language: str) -> None:
    """The heaviest language that we have, or English."""
    assert accepted(header).language == language


@settings(deadline=None)
@given(header=st.text(max_size=300))
def test_any_header_leads_to_a_language(header: str) -> None:
    """Nothing that a browser sends is an error."""
    assert accepted(header).language in LANGUAGES


def test_the_directorys_language_is_understood() -> None:
    """Entra's preferredLanguage is a tag such as de-CH; one that we do not have is none."""
    found = preferred("fr-BE")
    assert found is not None
    assert found.language == "fr"
    assert preferred("nb-NO") is None
    assert preferred("") is None


def test_a_value_is_not_read_for_placeholders() -> None:
    """A name with braces stays what it is."""
    assert load("en").text("person.title", name="{clock}") == "A pass for {clock}"
    assert "{" not in spelled(load("en"), "{")

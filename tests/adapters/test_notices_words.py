"""What notices say: complete in every language, nothing in them but names, times and a link."""

import json
import string
from pathlib import Path

import pytest

import shared.adapters.notices.words as notices
from shared.adapters.notices.words import KINDS, Message, Words, languages, load

# What each kind of notice may tell, and no more: no mail address, no department, no ticket, no passcode.
ALLOWED = {
    "ready": {"recipient", "name", "starts", "expires", "link"},
    "approval": {"recipient", "name", "until", "link"},
    "made": {"recipient", "name", "link"},
}
LANGUAGES = sorted(languages())


def placeholders(text: str) -> set[str]:
    """Return the names that a template asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_there_are_three_languages() -> None:
    """English, German, French: one file each."""
    assert LANGUAGES == ["de", "en", "fr"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things(language: str) -> None:
    """The same kinds, and in each the same names, times and links as in English; nothing that is not allowed."""
    path = Path(notices.__file__).parents[1] / "messages" / f"{language}.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert set(found) == set(KINDS) == set(ALLOWED)
    english = load("en")
    for kind, message in load(language).items():
        assert set(found[kind]) == {"subject", "body"}
        for mine, theirs in ((message.subject, english[kind].subject), (message.body, english[kind].body)):
            assert placeholders(mine) == placeholders(theirs), kind
        told = placeholders(message.subject + message.body)
        assert told == ALLOWED[kind]
        assert message.body.count("{link}") == 1
        assert message.body.endswith("\n")
        assert "\n" not in message.subject


@pytest.mark.parametrize(
    ("tag", "usual", "said"),
    [
        ("de", "en", "de"),
        ("de-CH", "en", "de"),
        ("FR-ca", "en", "fr"),
        ("nb-NO", "en", "en"),
        ("nb-NO", "fr", "fr"),
        ("", "de", "de"),
        ("../en", "fr", "fr"),
        ("english", "de", "de"),
    ],
)
def test_a_language_is_chosen_by_its_tag(tag: str, usual: str, said: str) -> None:
    """The part before the hyphen counts; whoever's language is not there gets the usual one."""
    assert Words(usual).of("made", tag) == load(said)["made"]


def test_a_usual_language_without_a_file_is_refused() -> None:
    """The app says so when it starts to send, not to somebody by mail."""
    with pytest.raises(ValueError, match="message file"):
        Words("xx")


def test_a_file_is_read_when_its_language_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each, and none before."""
    asked: list[str] = []

    def reading(language: str) -> dict[str, Message]:
        asked.append(language)
        return load(language)

    monkeypatch.setattr(notices, "load", reading)
    words = Words("en")
    assert asked == []
    for _ in range(2):
        words.of("ready")
        words.of("made", "de")
    assert asked == ["en", "de"]


def test_a_name_is_no_template_and_one_line() -> None:
    """Whatever somebody could write as their name, it is text on one line in the notice."""
    name = notices.one_line("{link}\r\n\u202eevil\u2028x" + "y" * 500)
    told = Words().of("made").told({"recipient": name, "name": name, "link": "https://x"})
    assert "\u202e" not in told.body
    assert "\u2028" not in told.body
    assert told.body.count("https://x") == 1
    assert "{link}" in told.body
    assert len(name) == 120

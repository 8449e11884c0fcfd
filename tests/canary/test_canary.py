"""The canary search: whatever form a passcode is planted in, and wherever, it is seen; nothing else is."""

import base64
import html
import itertools
import json
import random
import string
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from local.canary import Form, Sighting, digest_of, sightings, spell

ALPHABET = string.ascii_letters + string.digits + "!@#$%&*"
PASSCODES = st.text(ALPHABET, min_size=8, max_size=48).filter(
    lambda p: len(set(p.lower())) > 3  # eight times the same says nothing
)
SEPARATORS = [
    *(" ", "-", " - ", ".", ", ", "\n", "_", "·"),
    *("\u00a0", "\u200b", "\u2060", "\u00ad"),
    *("<b></b>", "</td>\n<td class='c'>"),
]
PROSE = st.text(st.characters(codec="utf-8"), max_size=60)
CANARY = "B7k!q9Zr@2"


def escaped(pattern: str) -> Callable[[str], str]:
    """Return a writer that escapes every character by `pattern`."""
    return lambda passcode: "".join(pattern.format(ord(c)) for c in passcode)


def in_base64(before: bytes, encode: Callable[[bytes], bytes]) -> Callable[[str], str]:
    """Return a writer that puts the passcode into a larger base64 text."""
    return lambda passcode: encode(before + passcode.encode() + b"\xff\xfe tail").decode()


WRITERS: dict[str, tuple[Form, Callable[[str], str]]] = {
    "plain": (Form.PLAIN, str),
    "in quotes": (Form.PLAIN, lambda p: f'{{"code":"{p}"}}'),
    "in an attribute": (Form.PLAIN, lambda p: f'<input value="{p}">'),
    "lower": (Form.CASE, str.lower),
    "upper": (Form.CASE, str.upper),
    **{f"grouped by {s!r}": (Form.GROUPED, s.join) for s in SEPARATORS},
    "grouped by entities": (Form.ESCAPED, "&nbsp;".join),
    "in fours": (Form.GROUPED, lambda p: " ".join("".join(g) for g in itertools.batched(p, 4, strict=False))),
    "in a list": (Form.GROUPED, lambda p: json.dumps(list(p))),
    "indented list": (Form.GROUPED, lambda p: json.dumps(list(p), indent=2)),
    "spelled": (Form.SPELLED, spell),
    "spelled loudly": (Form.SPELLED, lambda p: spell(p).upper()),
    "spelled in a list": (Form.SPELLED, lambda p: "<ol><li>" + spell(p).replace(", ", "</li><li>") + "</li></ol>"),
    "spelled in an attribute": (Form.SPELLED, lambda p: f'<b aria-label="{spell(p)}">hidden</b>'),
    "base64 0": (Form.BASE64, in_base64(b"", base64.b64encode)),
    "base64 1": (Form.BASE64, in_base64(b"\xfb", base64.b64encode)),
    "base64 2": (Form.BASE64, in_base64(b"\xfb\xff", base64.b64encode)),
    "base64 url": (Form.BASE64, in_base64(b"a", base64.urlsafe_b64encode)),
    "base64 wrapped": (Form.BASE64, in_base64(b"x" * 50, base64.encodebytes)),
    "base64 quoted": (Form.BASE64, lambda p: quote(base64.b64encode(p.encode() + b"??>").decode(), safe="")),
    "percent": (Form.URL, escaped("%{:02x}")),
    "percent, twice": (Form.URL, lambda p: quote(escaped("%{:02X}")(p), safe="")),
    "query": (Form.URL, lambda p: "?p=" + quote_plus(" ".join(p))),
    "json": (Form.ESCAPED, escaped("\\u{:04x}")),
    "json in json": (Form.ESCAPED, escaped("\\\\u{:04X}")),
    "python": (Form.ESCAPED, escaped("\\x{:02x}")),
    "html": (Form.ESCAPED, escaped("&#{};")),
    "html hex": (Form.ESCAPED, escaped("&#x{:X};")),
    "html twice": (Form.ESCAPED, escaped("&amp;#{};")),
    "hex": (Form.HEX, lambda p: p.encode().hex()),
    "hex dump": (Form.HEX, lambda p: p.encode().hex(" ").upper()),
    "hex array": (Form.HEX, lambda p: ", ".join(f"0x{b:02x}" for b in p.encode())),
    "reversed": (Form.REVERSED, lambda p: p[::-1]),
    "reversed and grouped": (Form.REVERSED, lambda p: " ".join(p[::-1])),
}  # fmt: skip


@pytest.mark.parametrize("writer", WRITERS)
@given(passcode=PASSCODES, before=PROSE, after=PROSE)
def test_a_planted_passcode_is_seen(writer: str, passcode: str, before: str, after: str) -> None:
    """In every form, in the middle of any text, and the report says which passcode."""
    written = WRITERS[writer][1](passcode)
    found = sightings([("log", f"{before}\n{written}\n{after}")], [passcode, CANARY])
    assert digest_of(passcode) in {sighting.digest for sighting in found}


@pytest.mark.parametrize("writer", WRITERS)
def test_the_form_is_named(writer: str) -> None:
    """The report says how the passcode was written, and where it begins."""
    form, write = WRITERS[writer]
    text = f"the quick brown fox\n{write(CANARY)}\nis lazy"
    (found,) = sightings([("log", text)], [CANARY])
    assert (found.channel, found.form, found.digest) == ("log", form, digest_of(CANARY))
    assert 20 <= found.where < 20 + len(write(CANARY))


@given(PASSCODES, PROSE)
def test_where_is_the_passcode_s_first_character(passcode: str, before: str) -> None:
    """A plain passcode is found exactly where it stands, whatever comes before it."""
    assume(passcode not in before)
    found = sightings([("log", f"{before} {passcode} and so on")], [passcode])
    assert (Form.PLAIN, len(before) + 1) in {(sighting.form, sighting.where) for sighting in found}


@given(st.integers(0, 2**64), st.integers(0, 2000), PROSE)
def test_other_text_gives_nothing(seed: int, length: int, prose: str) -> None:
    """Random text, prose, spelled and encoded noise are no sightings."""
    wanted = random.Random(f"passcodes {seed}")  # noqa: S311 - replayable chance is the point
    noise = random.Random(f"noise {seed}")  # noqa: S311 - as above
    passcodes = ["".join(wanted.choices(ALPHABET, k=wanted.randint(8, 48))) for _ in range(20)]
    letters = "".join(noise.choices(ALPHABET, k=length))
    texts = [
        letters,
        "".join(noise.choices(string.printable, k=length)),
        spell(letters),
        base64.b64encode(noise.randbytes(length)).decode(),
        noise.randbytes(length).hex(),
        quote(letters),
        prose,
    ]
    assert sightings([(str(n), text) for n, text in enumerate(texts)], passcodes) == []


@pytest.mark.parametrize("part", [CANARY[:-1], CANARY[1:], CANARY.replace("q", "p")])
@pytest.mark.parametrize("writer", WRITERS)
def test_almost_a_passcode_gives_nothing(writer: str, part: str) -> None:
    """All but one character, in any form, is no sighting."""
    assert sightings([("log", f" {WRITERS[writer][1](part)} ")], [CANARY]) == []


@given(PASSCODES, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "latin-1"]))
def test_bytes_are_searched_too(passcode: str, encoding: str) -> None:
    """A body or a file need not be text, nor in one encoding."""
    content = b"\xff\x00\xfe" + f" {passcode} ".encode(encoding) + b"\x80\x81"
    assert sightings([("file", content)], [passcode])


@given(st.text(string.printable, min_size=1, max_size=40))
def test_a_spelling_has_one_word_for_each_character(text: str) -> None:
    """No two characters are spelled alike, and the spelling is words, not signs."""
    letters = [c for c in text if not c.isspace()]
    words = spell("".join(letters)).split(", ") if letters else []
    assert len(words) == len(letters)
    assert len(set(words)) == len(set(letters))


def test_the_spelling_reads_aloud() -> None:
    """Plain words, no alphabet to know."""
    assert spell("B7k!") == "capital B, seven, lower-case k, exclamation mark"


@pytest.mark.parametrize(
    "heard",
    [
        "Uppercase B, 7, small k, exclamation point, lower case q, nine, big z, r, at, two",
        "B seven K bang Q nine Z R at two",
    ],
)
def test_other_people_s_spelling_is_heard_too(heard: str) -> None:
    """What a person would read aloud is a sighting, whatever words they use."""
    assert [sighting.form for sighting in sightings([("call", heard)], [CANARY])] == [Form.SPELLED]


def test_a_report_never_shows_the_passcode() -> None:
    """Only the beginning of its hash stands in a sighting."""
    (found,) = sightings([("log", CANARY)], [CANARY])
    assert CANARY not in repr(found)
    assert repr(found) == repr(Sighting("log", Form.PLAIN, 0, digest_of(CANARY)))
    assert len(found.digest) == 8


def test_every_place_and_every_passcode_is_reported_once() -> None:
    """Two channels, two passcodes, two places: each once, however many readings see it."""
    other = "Xy12345678"
    text = f'<p title="{CANARY}">{CANARY}</p> {other} %41'
    found = sightings([("a", text), ("b", other)], [CANARY, other, CANARY])
    assert [(s.channel, s.where, s.digest) for s in sorted(found, key=lambda s: (s.channel, s.where))] == [
        ("a", text.index(CANARY), digest_of(CANARY)),
        ("a", text.rindex(CANARY), digest_of(CANARY)),
        ("a", text.index(other), digest_of(other)),
        ("b", 0, digest_of(other)),
    ]


@pytest.mark.parametrize("passcode", ["--------", "!!--..__//", "a-b-c-d-e", "$$$$****"])
def test_a_passcode_of_symbols_is_found_as_it_stands(passcode: str) -> None:
    """What is mostly separators cannot be looked for without them, but is looked for."""
    found = sightings([("log", f"x {passcode} y")], [passcode])
    assert {sighting.form for sighting in found} == {Form.PLAIN}


def test_a_short_passcode_is_no_canary() -> None:
    """Under eight characters chance would cry wolf; the refusal does not show it."""
    with pytest.raises(ValueError, match="eight") as caught:
        sightings([], ["Ab3$xyz"])
    assert "Ab3$xyz" not in str(caught.value)


def test_hundreds_of_passcodes_in_megabytes_take_a_moment() -> None:
    """The search may run after every test: it must not be what takes the time."""
    chance = random.Random(7)  # noqa: S311 - replayable chance is the point
    passcodes = ["".join(chance.choices(ALPHABET, k=chance.randint(8, 48))) for _ in range(300)]
    words = ["request", "moved", "to", "ready", "INFO", "2026-11-23T12:00:00Z", "lane", "one", '{"a": "b\\n"}', "<td>"]
    text = " ".join(chance.choice(words) + format(chance.getrandbits(64), "x") for _ in range(80_000))
    started = time.process_time()
    found = sightings([("log", text), ("tail", f"{text[:1000]}{passcodes[17]}")], passcodes)
    assert [sighting.digest for sighting in found] == [digest_of(passcodes[17])]
    assert len(text) > 1_500_000
    assert time.process_time() - started < 5


def test_html_entities_by_name_are_undone() -> None:
    """A page writes `&` as `&amp;`, and that is still the passcode."""
    passcode = "R&D&7xQ9"
    assert sightings([("page", html.escape(passcode))], [passcode])

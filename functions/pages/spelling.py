"""A passcode in words, one for each character: for low vision, and for reading it aloud without a mistake."""

from html import escape

from functions.words import Words


def spelled(words: Words, value: str) -> str:
    """Return the characters of a value as a list in words, as HTML."""
    items = "".join(f"<li>{escape(_word(words, letter))}</li>" for letter in value)
    return f'<ol class="spelled" translate="no">{items}</ol>'


def _word(words: Words, letter: str) -> str:
    if f"spell {letter}" in words:
        return words.text(f"spell {letter}")
    if letter.isascii() and letter.isupper():
        return words.text("spell.capital", letter=letter)
    if letter.isascii() and letter.islower():
        return words.text("spell.small", letter=letter)
    return words.text("spell.other", letter=letter)

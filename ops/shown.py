"""What an operator's terminal may show of texts that others wrote: letters as they are, anything else spelt out."""

_LONGEST = 300


def line(value: object, longest: int = _LONGEST) -> str:
    """Return a text as part of one line: nothing that moves the cursor, hides, turns the line around or ends it."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(value))
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def page(text: str) -> str:
    """Return what a command prints: lines of ours, each safe as above, of whatever length."""
    return "\n".join(line(part, len(part) * 10 + 1) for part in text.split("\n"))

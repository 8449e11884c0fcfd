"""What a secret looks like: shapes that no tracked file may hold. Spelt so that this file holds none itself."""

import re
from collections.abc import Iterator

SHAPES: dict[str, re.Pattern[str]] = {
    "a private key": re.compile("-----BEGIN " + r"(?:[A-Z]+ )*PRIVATE KEY-----"),
    "a signed token": re.compile("ey" + r"J[\w-]{12,}\.ey" + r"J[\w-]{12,}\.[\w-]{16,}"),
    "a storage key": re.compile("Account" + r"Key=[A-Za-z0-9+/]{40,}={0,2}"),
    "a Service Bus key": re.compile("SharedAccess" + r"Key=[A-Za-z0-9+/]{40,}={0,2}"),
    "a shared access signature": re.compile(r"[?&]si" + r"g=[A-Za-z0-9%+/]{40,}"),
    "an Entra client secret": re.compile(r"\b[\w~.-]{3}8" + r"Q~[\w~.-]{31,34}"),
    "a GitHub token": re.compile(r"\bg" + r"h[pousr]_[A-Za-z0-9]{36}|\bgithub" + r"_pat_\w{60,}"),
    "an AWS key": re.compile(r"\bAK" + r"IA[0-9A-Z]{16}\b"),
    "a package index token": re.compile(r"\bpy" + r"pi-AgE[\w-]{50,}|\bnp" + r"m_[A-Za-z0-9]{36}"),
    "a Slack token": re.compile(r"\bxo" + r"x[abpr]-[\w-]{20,}"),
    "a connection with its password": re.compile(r"\b[a-z]+://[^\s/:@\"'{}<>$]+:[^\s/:@\"'{}<>$]{8,}@[\w.-]+\.\w+"),
}


def found(text: str) -> Iterator[str]:
    """Yield the kind of each secret in a text, with its line; never the secret."""
    for number, line in enumerate(text.splitlines(), 1):
        yield from (f"line {number}: {kind}" for kind, shape in SHAPES.items() if shape.search(line))

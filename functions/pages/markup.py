"""Small pieces of HTML. Whatever comes from outside passes `named` or `escape` here and nowhere else."""

from datetime import datetime
from html import escape

from functions.words import Words


def visible(text: str) -> str:
    """Return text from outside with a replacement character for whatever hides itself or turns the reading order round.

    Directory and ticket may hold such characters (Unicode: bidi controls, zero width, line breaks).
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def named(text: str) -> str:
    """Return text from outside as HTML that keeps to its own direction."""
    return f"<bdi>{escape(visible(text))}</bdi>"


def clock(words: Words, at: datetime) -> str:
    """Return an instant as HTML, in UTC; our script turns it into the reader's own time."""
    return f'<time datetime="{at.isoformat()}">{escape(words.date(at))}</time>'


def countdown(words: Words, now: datetime, until: datetime) -> str:
    """Return the whole minutes that are left; our script counts on."""
    minutes = max(0, int((until - now).total_seconds() // 60))
    key = "left.one" if minutes == 1 else "left.many"
    said = words.text(key, minutes=str(minutes)) if minutes else words.text("left.over" if now >= until else "left.one")
    return (
        f'<span data-now="{now.isoformat()}" data-until="{until.isoformat()}" '
        f'data-one="{escape(words.text("left.one"))}" '
        f'data-many="{escape(words.text("left.many", minutes="{minutes}"))}" '
        f'data-over="{escape(words.text("left.over"))}">{escape(said)}</span>'
    )


def paragraph(html: str, kind: str = "") -> str:
    """Return HTML as a paragraph."""
    return f'<p class="{kind}">{html}</p>' if kind else f"<p>{html}</p>"


def form(action: str, token: str, fields: str) -> str:
    """Return a form of ours that POSTs; `fields` is HTML with its buttons."""
    return (
        f'<form method="post" action="{escape(action)}" autocomplete="off">'
        f'<input type="hidden" name="token" value="{escape(token)}">{fields}</form>'
    )


def button(label: str) -> str:
    """Return a form's main button; `label` is HTML."""
    return f'<p><button class="main">{label}</button></p>'

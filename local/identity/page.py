"""The provider's pages: choose who you are, and why not."""

from collections.abc import Iterable
from html import escape

from local.identity.people import Person

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b;
  background: #fff }
button { display: block; width: 100%; margin: .5rem 0; padding: .75rem 1rem; text-align: left; font: inherit;
  border: 1px solid #595959; border-radius: .25rem; background: #fff; color: inherit; overflow-wrap: anywhere }
button:focus-visible { outline: 3px solid #0b5cad; outline-offset: 2px }
[role=alert] { border-left: .25rem solid #b00020; padding-left: 1rem }
"""


def form(people: Iterable[Person], refusal: str = "") -> str:
    """Return the sign-in form: one button per person; it posts back to its own address."""
    buttons = "".join(
        f'<button name="person" value="{escape(person.object_id)}">'
        f"{escape(person.display_name)} <span>({escape(person.user_principal_name)})</span></button>"
        for person in people
    )
    alert = f'<p role="alert">{escape(refusal)}</p>' if refusal else ""
    return _page(
        "Sign in",
        f"{alert}<p>This stands in for Microsoft Entra ID. There are no passwords: choose who you are.</p>"
        '<form method="post"><p><label><input type="checkbox" name="mfa" value="yes" checked> '
        f"With a second factor</label></p>{buttons}</form>",
    )


def refusal(description: str) -> str:
    """Return the page for a request that cannot be answered to its sender."""
    return _page("Sign-in is not possible", f'<p role="alert">{escape(description)}</p>')


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )

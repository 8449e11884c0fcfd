"""ASP.NET route templates, as far as HTTP triggers use them: literals, `{id}`, `{id:int}`, `{id?}`, `{*rest}`.

The Functions host takes an empty route for none at all and serves the function under its name; a function at the
site's root needs a route that may be empty, such as `{ignored:maxlength(0)?}`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::[^{}?:]+)*)(\?)?\}")


def _is_guid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}", text) is not None


def _is_int(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d{1,10}", text) is not None and -(2**31) <= int(text) < 2**31


_CONSTRAINTS: dict[str, Callable[[str], bool]] = {
    "alpha": lambda text: re.fullmatch(r"[a-zA-Z]*", text) is not None,
    "bool": lambda text: text.lower() in ("true", "false"),
    "guid": _is_guid,
    "int": _is_int,
}
_LENGTH = re.compile(r"maxlength\((\d+)\)")


def _constraint(text: str) -> Callable[[str], bool]:
    length = _LENGTH.fullmatch(text)
    if length is not None:
        most = int(length.group(1))
        return lambda value: len(value) <= most
    if text not in _CONSTRAINTS:
        raise ValueError(f"the route constraint '{text}' is not known here")
    return _CONSTRAINTS[text]


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a template between slashes: a literal (without `name`), or a parameter."""

    literal: str = ""
    name: str = ""
    constraints: tuple[str, ...] = ()
    optional: bool = False
    rest: bool = False

    def accepts(self, text: str) -> bool:
        """Tell whether the path's part fits; literals are compared without case."""
        if not self.name:
            return text.lower() == self.literal.lower()
        return text != "" and all(_constraint(one)(text) for one in self.constraints)


@dataclass(frozen=True, slots=True)
class Route:
    """A compiled template."""

    segments: tuple[Segment, ...]

    def match(self, raw_path: str) -> dict[str, str] | None:
        """Return the route values of a path (percent-encoded, no query), or None when it does not fit."""
        trimmed = raw_path.strip("/")
        parts = trimmed.split("/") if trimmed else []
        values: dict[str, str] = {}
        for position, segment in enumerate(self.segments):
            if segment.rest:
                rest = "/".join(parts[position:])
                return values | ({segment.name: unquote(rest)} if rest else {})
            if position >= len(parts):
                if segment.optional:
                    continue
                return None
            text = unquote(parts[position])
            if not segment.accepts(text):
                return None
            if segment.name:
                values[segment.name] = text
        return values if len(parts) <= len(self.segments) else None


def compile_route(template: str) -> Route:
    """Compile a template; raises ValueError for what this host does not know (mixed parts, other constraints)."""
    trimmed = template.strip("/")
    return Route(tuple(_segment(part) for part in trimmed.split("/")) if trimmed else ())


def _segment(text: str) -> Segment:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        if "{" in text or "}" in text:
            raise ValueError(f"the route part '{text}' is not one literal or one parameter")
        return Segment(literal=text)
    star, name, constraints, optional = match.groups()
    names = tuple(constraints.strip(":").split(":")) if constraints else ()
    for constraint in names:
        _constraint(constraint)
    return Segment(name=name, constraints=names, optional=bool(optional), rest=bool(star))

"""A tolerant reader of the Bicep that infra/ uses: enough to see what it would create, not a compiler.

It reads params, vars, resources (nested and in loops too), modules and outputs. Objects, arrays, strings, numbers
and booleans become Python values; any other expression is kept as its text.
"""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r]+|//[^\n]*|/\*.*?\*/)
      | (?P<newline>\n)
      | (?P<string>'(?:\\.|\$\{(?:[^{}'\\]|'(?:\\.|[^'\\])*')*\}|[^'\\\n])*')
      | (?P<number>\d+)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<mark>::|==|!=|<=|>=|&&|\|\||\?\?|=>|[@{}\[\]():,.=?!<>+\-*/%])""",
    re.VERBOSE | re.DOTALL,
)
_OPEN = {"{": "}", "[": "]", "(": ")"}
_WORDS = {"true": True, "false": False, "null": None}


class BicepError(Exception):
    """A text that this reader does not understand; the message names the line."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that only the compiler could work out; `text` is it with single blanks."""

    text: str


@dataclass(frozen=True, slots=True)
class Loop:
    """`[for item in source: if (condition) body]`; `item` is the name that the body uses."""

    item: str
    source: "Value"
    body: "Value"


type Value = str | int | bool | Expression | Loop | list["Value"] | dict[str, "Value"] | None


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource or a module: its symbol, its type (or path), its value; `existing` ones are only referred to."""

    symbol: str
    kind: str
    value: Value
    existing: bool = False


@dataclass(slots=True)
class File:
    """One Bicep file, read."""

    params: dict[str, Value] = field(default_factory=dict)
    variables: dict[str, Value] = field(default_factory=dict)
    resources: list[Declared] = field(default_factory=list)
    modules: list[Declared] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def _tokens(source: str) -> list[_Token]:
    found: list[_Token] = []
    at, line = 0, 1
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise BicepError(f"line {line}: cannot read {source[at : at + 20]!r}")
        kind = str(match.lastgroup)
        if kind != "skip":
            found.append(_Token(kind, match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    found.append(_Token("newline", "\n", line))
    found.append(_Token("end", "", line))
    return found


class _Reader:
    def __init__(self, source: str) -> None:
        self._tokens = _tokens(source)
        self._at = 0
        self.file = File()

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, text: str | None = None) -> _Token:
        token = self._now
        if text is not None and token.text != text:
            raise BicepError(f"line {token.line}: expected {text!r}, found {token.text!r}")
        self._at += 1
        return token

    def _skip(self, *, commas: bool = False) -> None:
        while self._now.kind == "newline" or (commas and self._now.text == ","):
            self._at += 1

    def _balanced(self) -> str:
        """Take tokens up to the end of an expression: a newline, or a comma or bracket that is not its own."""
        taken: list[str] = []
        closers: list[str] = []
        while True:
            token = self._now
            if token.kind == "end":
                break
            if not closers and (token.kind == "newline" or token.text in (",", "}", "]", ")", ":")):
                # A colon ends a loop's source, but belongs to `a ? b : c`.
                if token.text == ":" and "?" in taken:
                    taken.append(self._take().text)
                    continue
                break
            if token.text in _OPEN:
                closers.append(_OPEN[token.text])
            elif closers and token.text == closers[-1]:
                closers.pop()
            taken.append(self._take().text)
        return " ".join(t for t in taken if t != "\n")

    def _value(self) -> Value:
        start = self._at
        value = self._literal()
        if self._now.kind in ("newline", "end") or self._now.text in (",", "}", "]", ")", ":"):
            return value
        self._at = start
        return self._expression()

    def _expression(self) -> Expression:
        text = self._balanced()
        if not text:
            raise BicepError(f"line {self._now.line}: a value is missing")
        return Expression(text)

    def _literal(self) -> Value:
        token = self._now
        if token.text == "{":
            return self._object()
        if token.text == "[":
            return self._array()
        if token.kind == "string":
            return self._take().text[1:-1].replace("\\'", "'")
        if token.kind == "number":
            return int(self._take().text)
        if token.text in _WORDS:
            return _WORDS[self._take().text]
        return self._expression()

    def _object(self) -> dict[str, Value]:
        self._take("{")
        members: dict[str, Value] = {}
        self._skip(commas=True)
        while self._now.text != "}":
            if self._now.text == "resource":
                self._resource()
            else:
                key = self._take()
                if key.kind not in ("name", "string"):
                    raise BicepError(f"line {key.line}: expected a key, found {key.text!r}")
                self._take(":")
                members[key.text.strip("'")] = self._value()
            self._skip(commas=True)
        self._take("}")
        return members

    def _array(self) -> Value:
        self._take("[")
        if self._now.text == "for":
            return self._loop()
        items: list[Value] = []
        self._skip(commas=True)
        while self._now.text != "]":
            items.append(self._value())
            self._skip(commas=True)
        self._take("]")
        return items

    def _loop(self) -> Loop:
        self._take("for")
        if self._now.text == "(":
            self._take("(")
            item = self._take().text
            self._take(",")
            self._take()
            self._take(")")
        else:
            item = self._take().text
        self._take("in")
        source = self._value()
        self._take(":")
        body = self._conditional()
        self._skip()
        self._take("]")
        return Loop(item, source, body)

    def _conditional(self) -> Value:
        if self._now.text == "if":
            self._take("if")
            self._take("(")
            depth = 1
            while depth:
                text = self._take().text
                depth += {"(": 1, ")": -1}.get(text, 0)
        return self._value()

    def _resource(self) -> None:
        self._take("resource")
        symbol = self._take().text
        kind = self._take().text.strip("'")
        existing = self._now.text == "existing"
        if existing:
            self._take()
        self._take("=")
        # Its own place first, so that what is nested in it comes after it.
        place = len(self.file.resources)
        value = self._conditional()
        self.file.resources.insert(place, Declared(symbol, kind, value, existing))

    def _module(self) -> None:
        self._take("module")
        symbol = self._take().text
        path = self._take().text.strip("'")
        self._take("=")
        self.file.modules.append(Declared(symbol, path, self._conditional()))

    def _named(self, into: dict[str, Value]) -> None:
        """Read `param name type = value`, `var name = value` or `output name type = value`."""
        self._take()
        name = self._take().text
        if self._now.text != "=" and self._now.kind == "name":
            self._take()
        into[name] = Expression("")
        if self._now.text == "=":
            self._take("=")
            into[name] = self._value()

    def read(self) -> File:
        """Read the whole file. Raises BicepError at the first thing that is not understood."""
        while True:
            self._skip()
            token = self._now
            if token.kind == "end":
                return self.file
            match token.text:
                case "@":
                    self._take()
                    self._balanced()
                case "extension" | "targetScope":
                    self._take()
                    self._balanced()
                case "param":
                    self._named(self.file.params)
                case "var":
                    self._named(self.file.variables)
                case "output":
                    self._named(self.file.outputs)
                case "resource":
                    self._resource()
                case "module":
                    self._module()
                case _:
                    raise BicepError(f"line {token.line}: unknown statement {token.text!r}")


def read(source: str) -> File:
    """Return the file that `source` describes. Raises BicepError."""
    return _Reader(source).read()


_FILTER = re.compile(r"^filter \( (\w+) , (\w+) => \2 \. (\w+) == '([^']*)' \)$")
_HOLE = re.compile(r"\$\{([\w.]+)\}")


def evaluate(value: Value, known: dict[str, Value]) -> Value:
    """Return `value` with loops unrolled, `filter`s by one member applied and the names in `known` filled in.

    What is not known stays as it is.
    """
    match value:
        case dict():
            return {k: evaluate(v, known) for k, v in value.items()}
        case list():
            return [evaluate(v, known) for v in value]
        case str():
            return _HOLE.sub(lambda hole: _filled(hole, known), value)
        case Expression(text):
            found = _FILTER.match(text)
            return _filtered(found, known, value) if found else _look_up(text.replace(" ", ""), known, value)
        case Loop(item, source, body):
            items = evaluate(source, known)
            if isinstance(items, list):
                return [evaluate(body, {**known, item: one}) for one in items]
    return value


def _filtered(found: re.Match[str], known: dict[str, Value], otherwise: Value) -> Value:
    name, _, member, wanted = found.groups()
    rows = _look_up(name, known, None)
    if not isinstance(rows, list):
        return otherwise
    return [row for row in rows if isinstance(row, dict) and row.get(member) == wanted]


def _look_up(path: str, known: dict[str, Value], otherwise: Value) -> Value:
    head, *rest = path.split(".")
    if head not in known:
        return otherwise
    found = known[head]
    for name in rest:
        if not isinstance(found, dict) or name not in found:
            return otherwise
        found = found[name]
    return evaluate(found, known) if found != otherwise else otherwise


def _filled(hole: re.Match[str], known: dict[str, Value]) -> str:
    found = _look_up(hole.group(1), known, None)
    return found if isinstance(found, str) else hole.group()

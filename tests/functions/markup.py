"""Reads a page as strictly as its makers should: balanced, unambiguous, and nothing in it that runs by itself."""

from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "input", "wbr", "br"})
_HEAD = {"html", "head", "meta", "title", "link", "script", "noscript"}
_TEXT = {"body", "main", "nav", "section", "div", "h1", "h2", "p", "a", "bdi", "time", "span", "strong", "wbr"}
_LISTS = {"ul", "ol", "li", "dl", "dt", "dd", "details", "summary"}
_FORMS = {"form", "input", "fieldset", "legend", "label", "button"}
_KNOWN = _HEAD | _TEXT | _LISTS | _FORMS
_OWN = ("/handover", "/approval/", "/not-me/", "/static/", "/.auth/login/aad?")
_ADDRESSES = frozenset({"href", "src", "action", "formaction"})


class Flawed(AssertionError):
    """The page is not what its makers meant."""


class Page(HTMLParser):
    """One page: raises Flawed for what a browser would have to mend, and for whatever could run or leave."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._refers: set[str] = set()
        self._ids: set[str] = set()
        if not markup.startswith("<!doctype html>"):
            raise Flawed("no doctype")
        self.feed(markup)
        self.close()
        if self._open:
            raise Flawed(f"left open: {self._open}")
        if self._refers - self._ids:
            raise Flawed(f"named and not there: {self._refers - self._ids}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag."""
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs) or tag not in _KNOWN:
            raise Flawed(f"<{tag} {attrs}>")
        for name, value in given.items():
            if name.startswith("on") or name == "style":
                raise Flawed(f"{name} on <{tag}>")
            if name in _ADDRESSES and not value.startswith(_OWN):
                raise Flawed(f"{name} leads to {value}")
        if "id" in given:
            if given["id"] in self._ids:
                raise Flawed(f"the id {given['id']} stands twice")
            self._ids.add(given["id"])
        for name in ("aria-describedby", "aria-labelledby", "for"):
            self._refers |= set(given.get(name, "").split())
        self.tags.append((tag, given))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Take an end."""
        if not self._open or self._open.pop() != tag:
            raise Flawed(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        """Take text; there is none in a script of ours."""
        if self._open and self._open[-1] in {"script", "style"}:
            raise Flawed("an inline script or style")
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        """Refuse comments: no page of ours has one."""
        raise Flawed(f"a comment: {data}")

    def handle_pi(self, data: str) -> None:
        """Refuse processing instructions."""
        raise Flawed(f"an instruction: {data}")

    def unknown_decl(self, data: str) -> None:
        """Refuse declarations inside."""
        raise Flawed(f"a declaration: {data}")

    @property
    def text(self) -> str:
        """Return what a reader sees."""
        return "".join(self.words)

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of each such tag."""
        return [given for name, given in self.tags if name == tag]

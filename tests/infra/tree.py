"""What infra/ says, read once, with the few questions that the checks ask of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from tests.infra.bicep import Declared, Expression, File, Value, evaluate, read

ROOT = Path(__file__).resolve().parents[2]

BUS = "Microsoft.ServiceBus/namespaces"
QUEUE = f"{BUS}/queues"
TOPIC = f"{BUS}/topics"
SUBSCRIPTION = f"{TOPIC}/subscriptions"
ACCOUNT = "Microsoft.Storage/storageAccounts"
VAULT = "Microsoft.KeyVault/vaults"
SITE = "Microsoft.Web/sites"
ACCESS = "modules/access.bicep"
DIRECTORY = "directory.bicep"
AROUND = ("azure.yaml", "docs/deploy.md", "docs/permissions.md", "host.json")


# Nobody changes a file that was read, and a mistake changes one file of many.
_read = cache(read)


@dataclass(frozen=True, slots=True)
class Made:
    """One resource that would be made: its type without the API version, and its members, loops unrolled."""

    file: str
    kind: str
    value: Value

    def get(self, path: str) -> Value:
        """Return the member at a dotted path; None when there is none."""
        return dig(self.value, path)


@dataclass(frozen=True, slots=True)
class Infra:
    """All Bicep files by their path below infra/, read; `texts` has every file as it is written (see `texts()`)."""

    texts: dict[str, str]
    files: dict[str, File]

    @classmethod
    def load(cls, texts: dict[str, str]) -> Self:
        """Read these files. Raises BicepError."""
        return cls(texts, {path: _read(text) for path, text in texts.items() if path.endswith(".bicep")})

    def made(self, kind: str) -> list[Made]:
        """Return every resource of `kind` that is created (not only referred to), in any file."""
        return [m for m in self._all() if m.kind == kind]

    def module(self, symbol: str) -> Declared:
        """Return the module of this name in main.bicep."""
        return next(m for m in self.files["main.bicep"].modules if m.symbol == symbol)

    def modules_of(self, path: str) -> list[Declared]:
        """Return every use of the module file `path` in main.bicep."""
        return [m for m in self.files["main.bicep"].modules if m.kind == path]

    def table(self, file: str, variable: str) -> list[dict[str, Value]]:
        """Return the rows of a variable that is an array of objects."""
        variables = self.files[file].variables
        rows = evaluate(variables[variable], variables)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def _all(self) -> Iterator[Made]:
        for path, file in self.files.items():
            for declared in file.resources:
                if declared.existing:
                    continue
                value = evaluate(declared.value, file.variables)
                for one in value if isinstance(value, list) else [value]:
                    yield Made(path, declared.kind.split("@")[0], one)


def dig(value: Value, path: str) -> Value:
    """Return the member at a dotted path; None when there is none."""
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def texts() -> dict[str, str]:
    """Return every file below infra/ by its path there, and what else leads to Azure by its own path."""
    folder = ROOT / "infra"
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    around = [ROOT / name for name in AROUND] + sorted((ROOT / ".github/workflows").glob("*.yml"))
    found |= {path.relative_to(ROOT).as_posix(): path for path in around}
    return {name: path.read_text(encoding="utf-8") for name, path in found.items()}


def wants(made: Made, **members: Value) -> Iterator[str]:
    """Yield what `made` says otherwise; `__` in a name goes one object deeper."""
    for name, wanted in members.items():
        path = name.replace("__", ".")
        found = made.get(path)
        if found != wanted or type(found) is not type(wanted):
            yield f"{made.file}: {made.kind} {name_of(made)} has {path} = {found!r}, wanted {wanted!r}"


def name_of(made: Made) -> str:
    """Return the name of a resource as it is written."""
    name = made.get("name")
    return name if isinstance(name, str) else getattr(name, "text", "")


def text(value: Value) -> str:
    """Return a value as text, an expression without its blanks."""
    return value.text.replace(" ", "") if isinstance(value, Expression) else str(value)

"""Mutation: breaks the product in this process alone, while it lasts.

A mutant changes a function's text at a place that must be there, exactly once: it cannot rot unnoticed.
"""

import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest.mock import patch

_PRODUCT = ("shared.", "functions.")


@dataclass(frozen=True, slots=True)
class Edit:
    """What is changed about `module:name`: texts of a function, old to new, or (old empty) a constant's value."""

    where: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A way to break the product. `promise` is the one that it breaks first of all.

    `rare`: it takes more seeds than a quick check has time for.
    """

    name: str
    promise: int
    edits: tuple[Edit, ...]
    rare: bool = False


class Unfit(Exception):
    """A mutant no longer fits the product's text."""


@contextmanager
def broken(mutant: Mutant) -> Iterator[None]:
    """Break the product while it lasts. Raises Unfit when the text to change is not there, exactly once."""
    with ExitStack() as stack:
        for edit in mutant.edits:
            module_name, name = edit.where.split(":")
            module = importlib.import_module(module_name)
            old = getattr(module, name)
            (before, after), *_ = edit.changes
            new = _edited(module, old, edit, mutant.name) if before else eval(after, vars(module))  # noqa: S307 - ours
            for holder in _holders(old, name):
                stack.enter_context(patch.object(holder, name, new))
            stack.enter_context(_tables_changed(old, new))
        yield


def _edited(module: ModuleType, function: Any, edit: Edit, mutant: str) -> Any:
    source = textwrap.dedent(inspect.getsource(function))
    for old, new in edit.changes:
        if source.count(old) != 1:
            raise Unfit(f"{mutant}: {edit.where} has {source.count(old)} times {old!r}")
        source = source.replace(old, new)
    # In the module itself, so that it sees patched neighbours too; what it defines lands beside it.
    scope: dict[str, Any] = {}
    exec(compile(source, f"<mutant {mutant}>", "exec"), vars(module), scope)  # noqa: S102 - the product's text
    return scope[function.__name__]


def _holders(old: object, name: str) -> list[ModuleType]:
    """Return every module of the product that has taken the object in under its name."""
    known = [m for key, m in sorted(sys.modules.items()) if key.startswith(_PRODUCT) and m is not None]
    return [m for m in known if vars(m).get(name) is old]


@contextmanager
def _tables_changed(old: object, new: object) -> Iterator[None]:
    """Put the new function into the product's dispatch tables, which hold the old one, for as long."""
    from shared.flows import asks  # noqa: PLC0415 - patched here alone

    table = asks._ANSWERS
    before = dict(table)
    try:
        for key, value in before.items():
            if value is old:
                table[key] = new  # type: ignore[assignment]  # of the same shape, by construction
        yield
    finally:
        table.update(before)

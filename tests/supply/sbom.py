"""The bill of materials: CycloneDX 1.6, of every locked product dependency, with the hashes that the lock accepts.

The same lock gives the same bytes: no time, no chance, no place where packages come from.
"""

import importlib.metadata
import json
import tomllib
import uuid
from collections.abc import Collection
from typing import Any

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ground.test_requirements import declared, pins
from tests.ground.tree import ROOT, text
from tests.supply.licences import UNKNOWN, licence


class NotValid(ValueError):
    """The bill does not keep to CycloneDX's own schema."""


def bill() -> str:
    """Return the bill as JSON. Raises NotValid."""
    about = tomllib.loads(text("pyproject.toml"))["project"]
    root = Component(name=about["name"], version=about["version"], type=ComponentType.APPLICATION, bom_ref="passdesk")
    parts = {name: _part(name, pin.version, sorted(pin.hashes)) for name, pin in pins("requirements.txt").items()}
    bom = Bom(components=parts.values(), serial_number=uuid.uuid5(uuid.NAMESPACE_OID, text("requirements.txt")))
    bom.metadata.component = root
    bom.register_dependency(root, [parts[canonicalize_name(one.name)] for one in declared("product")])
    extras = _extras(parts)
    for name, part in parts.items():
        needed = _needs(name, extras.get(name, ())) & parts.keys()
        bom.register_dependency(part, [parts[other] for other in sorted(needed)])
    told: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del told["metadata"]["timestamp"]
    written = json.dumps(told, indent=2, sort_keys=True) + "\n"
    check(written)
    return written


def check(written: str) -> None:
    """Hold a bill to the schema of CycloneDX 1.6. Raises NotValid."""
    flaw = JsonStrictValidator(SchemaVersion.V1_6).validate_str(written)
    if flaw is not None:
        raise NotValid(str(flaw))


def write() -> str:
    """Write the bill where `make sbom` says; return the path, relative to the root."""
    path = ROOT / ".cache" / "sbom" / "passdesk.cdx.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(bill(), encoding="utf-8")
    return str(path.relative_to(ROOT))


def _part(name: str, version: str, hashes: list[str]) -> Component:
    purl = PackageURL("pypi", None, name, version)
    sums = [HashType(alg=HashAlgorithm.SHA_256, content=one.removeprefix("--hash=sha256:")) for one in hashes]
    said = licence(name)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=[] if said == UNKNOWN else [LicenseExpression(said)],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(str(purl)),
                comment="each file that the lock accepts",
                hashes=sums,
            )
        ],
    )


def _needs(name: str, extras: Collection[str]) -> set[str]:
    """Return what an installed package says that it needs, with the extras that somebody asks of it."""
    return {
        str(canonicalize_name(one.name))
        for one in _required(name)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    }


def _required(name: str) -> list[Requirement]:
    return [Requirement(one) for one in importlib.metadata.requires(name) or []]


def _extras(names: Collection[str]) -> dict[str, set[str]]:
    """Return which extras of each package the product or its dependencies ask for."""
    asked: dict[str, set[str]] = {}
    for one in (*declared("product"), *(one for name in names for one in _required(name))):
        asked.setdefault(canonicalize_name(one.name), set()).update(one.extras)
    return asked

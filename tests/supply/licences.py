"""The licence of every locked product dependency, as SPDX, from what its installed package says of itself."""

import importlib.metadata
import re
from collections.abc import Iterator

from tests.ground.test_requirements import pins

# What a company may ship without asking a lawyer; MPL-2.0 (certifi) binds changes to its own files only.
ALLOWED = frozenset({"MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "PSF-2.0", "MPL-2.0"})
# How packages without an SPDX expression say it (PEP 639 came late), the whole text.
_SPELLINGS = {
    "MIT License": "MIT",
    "Apache 2.0": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
UNKNOWN = "unknown"


def licence(name: str) -> str:
    """Return the SPDX expression of an installed package, or UNKNOWN."""
    about = importlib.metadata.metadata(name)
    said = [about.get("License-Expression"), about.get("License"), *(about.get_all("Classifier") or [])]
    known = [_SPELLINGS.get(one.strip(), one.strip()) for one in said if one]
    return next((one for one in known if allowed(one) or one == about.get("License-Expression")), UNKNOWN)


def allowed(expression: str) -> bool:
    """Tell whether every licence of an expression is on the list; of alternatives, one is enough."""
    return any(
        all(part.strip(" ()") in ALLOWED for part in re.split(r"\bAND\b", one))
        for one in re.split(r"\bOR\b", expression)
    )


def of_the_product() -> Iterator[tuple[str, str, str]]:
    """Yield name, version and licence of each locked product dependency that this machine has."""
    for name, pin in pins("requirements.txt").items():
        if not pin.marker:
            yield name, pin.version, licence(name)

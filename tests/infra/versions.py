"""Rules about API versions: what Azure is asked in is said, and said once."""

import re
from collections import defaultdict
from collections.abc import Iterator

from tests.infra.tree import Infra

# Types that have no version which is not a preview.
_PREVIEW = {"Microsoft.Insights/diagnosticSettings"}


def api_versions_are_pinned(infra: Infra) -> Iterator[str]:
    """Every resource names its API version, a type has one version everywhere, and none is a preview needlessly."""
    versions: defaultdict[str, set[str]] = defaultdict(set)
    for path, file in infra.files.items():
        for declared in file.resources:
            kind, _, version = declared.kind.partition("@")
            if "/" not in kind:
                continue  # nested: it has its parent's
            if kind.startswith("Microsoft.Graph/"):
                if version != "v1.0":
                    yield f"{path}: {kind} is not of Graph's v1.0"
                continue
            if not re.fullmatch(r"20\d\d-\d\d-\d\d(?:-preview)?", version):
                yield f"{path}: {kind} has no API version"
            if version.endswith("-preview") and kind not in _PREVIEW:
                yield f"{path}: {kind} is asked for in a preview"
            versions[kind].add(version)
    for kind, used in sorted(versions.items()):
        if len(used) > 1:
            yield f"{kind} is asked for in {', '.join(sorted(used))}"


def extension_is_pinned(infra: Infra) -> Iterator[str]:
    """One released version of the Graph extension is asked for, and only directory.bicep needs it."""
    if not re.search(r'"br:[\w./-]+/microsoftgraph/v1\.0:\d+\.\d+\.\d+"', infra.texts["bicepconfig.json"]):
        yield "bicepconfig.json does not pin the Graph extension"
    users = [path for path, text in infra.texts.items() if re.search(r"^extension ", text, re.MULTILINE)]
    if users != ["directory.bicep"]:
        yield f"the Graph extension is used by {users}"

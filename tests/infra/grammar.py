"""Rule about syntax: a grammar that is not ours (tree-sitter-bicep) reads every Bicep file without an error.

Our own reader takes an expression as it is written; this one does not. The grammar is older than the statement
`extension`, which is blanked before.
"""

import re
from collections.abc import Iterator

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

from tests.infra.tree import Infra

_PARSER = Parser(Language(tree_sitter_bicep.language()))


def bicep_is_well_formed(infra: Infra) -> Iterator[str]:
    """Read each file with the other grammar: nothing is misplaced, nothing is missing."""
    for path, written in infra.texts.items():
        if path.endswith(".bicep"):
            known = re.sub(r"^extension \w+$", "", written, flags=re.MULTILINE)
            for node in _odd(_PARSER.parse(known.encode()).root_node):
                yield f"{path}:{node.start_point.row + 1}: {(node.text or b'').decode()[:40] or 'something is missing'}"


def _odd(node: Node) -> Iterator[Node]:
    if node.type == "ERROR" or node.is_missing:
        yield node
    elif node.has_error:
        for child in node.children:
            yield from _odd(child)

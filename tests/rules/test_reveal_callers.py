"""Where a secret becomes text: a short list, and nothing else in the product, nor in what operators run."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A new line here is a decision: say in the change why this place must hold a passcode or a token as text.
ALLOWED = {
    "functions/pages/frame.py": 1,  # the id token, as the key of a form's token
    "functions/pages/shown.py": 1,  # the passcode, on the one page that shows it
    "shared/adapters/signin.py": 2,  # the id token: its size, and its validation
    "shared/adapters/vault.py": 1,  # the passcode, into the vault
    "shared/domain/messages.py": 1,  # the id token, in an ask
    "shared/domain/passcode.py": 1,  # comparing two secrets
}


def reveals(path: Path) -> int:
    """Return how often a module calls a method named `reveal` without arguments, or refers to it otherwise."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return sum(1 for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "reveal")


def test_a_secret_is_revealed_in_these_places_only() -> None:
    """Every mention of `.reveal` in the product is on the list, as often as the list says."""
    found = {
        str(path.relative_to(ROOT)): count
        for folder in ("functions", "ops", "shared")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (count := reveals(path))
    }
    assert found == ALLOWED


def test_the_check_sees_a_reveal(tmp_path: Path) -> None:
    """A planted call, and a method handed on, are both found."""
    planted = tmp_path / "planted.py"
    planted.write_text("log(passcode.reveal())\nlater(passcode.reveal)\n", encoding="utf-8")
    assert reveals(planted) == 2

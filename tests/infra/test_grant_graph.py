"""infra/grant-graph says what it would do, does it only when told, and does it once."""

import os
import subprocess
from pathlib import Path

from local.rights import AUDIT, COMPLETION, ISSUER, ISSUING
from tests.infra.tree import ROOT

# Plays `az`: answers what the script asks, writes down what it grants. $HELD is what is granted already.
AZ = """#!/bin/sh
case "$*" in
  *"--method post"*) printf '%s\\n' "$*" >> "$LOG" ;;
  *roleDefinitions*) printf '%s' "$DEFINITION" ;;
  *directory/roleAssignments*) printf '%s' "$ASSIGNED" ;;
  *appRoleAssignments*) printf '%s' "$HELD" ;;
  *UserAuthMethod-TAP*) printf '%s' "$TAP_ID" ;;
  *appRoles*) printf 'id-of-%s' "$(printf '%s' "$*" | sed "s/.*value=='\\([^']*\\)'.*/\\1/")" ;;
  *) printf graph-object ;;
esac
"""


UNIT = "5b9d7a0e-3f1c-4c55-9d3e-0a4f6f6f2b11"


def run(
    folder: Path, *args: str, held: str = "", tap: str = "id-of-tap", definition: str = "role-1", assigned: str = ""
) -> tuple[int, str, list[str]]:
    """Run the script with a stand-in for az; return exit code, output, and what was granted."""
    az, log = folder / "az", folder / "log"
    az.write_text(AZ, encoding="utf-8")
    az.chmod(0o755)
    log.write_text("", encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own script, our own arguments
        [ROOT / "infra/grant-graph", *args],
        env={
            "PATH": f"{folder}:{os.environ['PATH']}",
            "LOG": str(log),
            "HELD": held,
            "TAP_ID": tap,
            "DEFINITION": definition,
            "ASSIGNED": assigned,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, log.read_text(encoding="utf-8").splitlines()


def test_without_apply_nothing_is_granted(tmp_path: Path) -> None:
    """The plan names every role and grants none; what the product leaves off is not even named."""
    code, said, granted = run(tmp_path, "principal-1")
    assert (code, granted) == (0, [])
    assert all(role in said for role in ISSUING)
    assert not any(role in said for role in COMPLETION | AUDIT)


def test_apply_grants_each_role_once(tmp_path: Path) -> None:
    """Every role that is not held is granted to the principal on Graph; a held one is left alone."""
    code, _, granted = run(tmp_path, "principal-1", "--apply", held="id-of-User.Read.All")
    assert code == 0
    assert len(granted) == len(ISSUING) - 1
    assert all('"principalId": "principal-1", "resourceId": "graph-object"' in line for line in granted)
    assert not any("id-of-User.Read.All" in line for line in granted)
    assert any('"appRoleId": "id-of-tap"' in line for line in granted)


def test_the_optional_roles_are_granted_when_asked_for(tmp_path: Path) -> None:
    """Each option adds its own set, in any order with --apply; both make up all that the desk's issuer has."""
    _, _, completing = run(tmp_path, "principal-1", "--with-completion", "--apply")
    assert {r for r in COMPLETION if any(f'"id-of-{r}"' in line for line in completing)} == COMPLETION
    assert not any("AuditLog" in line for line in completing)
    _, said, everything = run(tmp_path, "principal-1", "--apply", "--with-audit", "--with-completion")
    assert len(everything) == len(ISSUER.graph)
    assert "granted: AuditLog.Read.All" in said


def test_a_word_that_it_does_not_know_grants_nothing(tmp_path: Path) -> None:
    """A misspelt option, or one in the place of the principal, is an error and not a plain grant."""
    wrong_unit = ("principal-1", "--unit=' or 1 eq 1", "--apply")
    for words in (("principal-1", "--with-completions", "--apply"), ("--apply",), (), wrong_unit):
        code, said, granted = run(tmp_path, *words)
        assert (code, granted) == (2, []), words
        assert "usage" in said


def test_a_role_that_the_directory_does_not_know_stops_it(tmp_path: Path) -> None:
    """A name without an id is an error, never a grant of something else."""
    code, said, granted = run(tmp_path, "principal-1", "--apply", tap="")
    assert code == 1
    assert "knows no application role UserAuthMethod-TAP.ReadWrite.All" in said
    assert not any('"appRoleId": ""' in line for line in granted)


def test_a_role_over_a_unit_takes_the_place_of_what_changes_people(tmp_path: Path) -> None:
    """With --unit the issuer gets no right to make passes for everybody: reading, and one scoped directory role."""
    code, said, granted = run(tmp_path, "principal-1", f"--unit={UNIT}", "--with-completion", "--apply")
    assert code == 0
    assert "Tier-0" not in said
    assert len(granted) == len(ISSUING)  # one for the role, and all but the right to passes
    assert not any(f'"id-of-{role}"' in line for line in granted for role in COMPLETION)
    assert not any("id-of-tap" in line for line in granted)
    assert f'"roleDefinitionId": "role-1", "directoryScopeId": "/administrativeUnits/{UNIT}"' in granted[-1]


def test_a_role_over_a_unit_is_assigned_once(tmp_path: Path) -> None:
    """A role that is held over that unit is left alone; the same role over another unit is not taken for it."""
    held = f"role-1@/administrativeUnits/{UNIT}"
    _, said, granted = run(tmp_path, "principal-1", f"--unit={UNIT}", "--apply", assigned=held)
    assert "held already: Authentication Administrator" in said
    assert not any("roleDefinitionId" in line for line in granted)
    _, _, granted = run(
        tmp_path, "principal-1", f"--unit={UNIT}", "--apply", assigned="role-1@/administrativeUnits/other"
    )
    assert any("roleDefinitionId" in line for line in granted)


def test_a_directory_role_that_is_not_there_stops_it(tmp_path: Path) -> None:
    """Without a definition nothing is assigned."""
    code, said, granted = run(tmp_path, "principal-1", f"--unit={UNIT}", "--apply", definition="")
    assert code == 1
    assert "knows no role Authentication Administrator" in said
    assert not any("roleDefinitionId" in line for line in granted)

"""The scripts that an administrator runs by hand say what they would do, do it only when told, and do it once."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.infra.tree import ROOT

# Plays az, azd and pwsh: writes down how each was called, and answers what the scripts ask.
TOOL = """#!/bin/sh
me=$(basename "$0")
printf '%s %s\\n' "$me" "$*" >> "$LOG"
case "$me $*" in
  *"appRoles["*) printf 'id-of-a-role' ;;
  *"query id "*) printf 'graph-object' ;;
  *"ad sp show"*) [ -n "$HELD" ] ;;
  *"federated-credential list"*) printf '%s' "$HELD" ;;
  *"query appId"*) printf 'client-1' ;;
  *"query tenantId"*) printf 'tenant-1' ;;
esac
"""
ENVIRONMENT = {
    "AZURE_ENV_NAME": "prod",
    "AZURE_RESOURCE_GROUP": "passdesk",
    "AZURE_SUBSCRIPTION_ID": "subscription-1",
    "PASSDESK_MAILBOX": "passdesk@contoso.com",
    "PASSDESK_PAGE_URL": "https://pd-prod-courier-x.azurewebsites.net",
    "PASSDESK_ISSUER_PRINCIPAL_ID": "11111111-1111",
    "PASSDESK_COURIER_PRINCIPAL_ID": "22222222-2222",
    "PASSDESK_COURIER_CLIENT_ID": "33333333-3333",
}
MAIL = ("33333333-3333", "22222222-2222", "passdesk@contoso.com")
PAGE = ("passdesk-page-prod", "--page=https://x.net", "--courier=22222222-2222")


def run(folder: Path, script: str, *args: str, **environment: str) -> tuple[int, str, str]:
    """Run a script of infra/ with the tools played; return exit code, what it said, and the tools' calls."""
    for tool in ("az", "azd", "pwsh"):
        (folder / tool).write_text(TOOL, encoding="utf-8")
        (folder / tool).chmod(0o755)
    log = folder / "log"
    log.write_text("", encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own scripts, our own arguments
        [ROOT / "infra" / script, *args],
        cwd=ROOT,
        env={"PATH": f"{folder}:{os.environ['PATH']}", "LOG": str(log), "HELD": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, log.read_text(encoding="utf-8")


def test_mail_is_shown_before_it_is_granted(tmp_path: Path) -> None:
    """Without --apply nothing is called; the lines name the one mailbox."""
    code, said, called = run(tmp_path, "grant-mail", *MAIL)
    assert (code, called) == (0, "")
    assert "-RecipientRestrictionFilter \"PrimarySmtpAddress -eq 'passdesk@contoso.com'\"" in said
    assert "Nothing run." in said


def test_what_was_shown_is_what_is_run(tmp_path: Path) -> None:
    """With --apply Exchange gets the same lines, each of which looks first whether its part is there."""
    _, said, _ = run(tmp_path, "grant-mail", *MAIL)
    code, _, called = run(tmp_path, "grant-mail", *MAIL, "--apply")
    assert code == 0
    assert said.removesuffix("Nothing run. With --apply it would be.\n") in called
    assert called.count("if (-not (Get-") == 3


@pytest.mark.parametrize(
    "args",
    [
        (),
        MAIL[:2],
        (*MAIL, "--aply"),
        ("33'; Remove-Mailbox x", *MAIL[1:]),
        (*MAIL[:2], "a@b.c' -or Name -like '*"),
        (*MAIL[:2], "nobody"),
    ],
)
def test_mail_takes_ids_and_one_address_only(tmp_path: Path, args: tuple[str, ...]) -> None:
    """Whatever is no id or no address ends the script before it says a line."""
    code, said, called = run(tmp_path, "grant-mail", *args)
    assert (code, called) == (2, "")
    assert "Exchange" not in said


def test_a_registration_is_shown_before_it_is_made(tmp_path: Path) -> None:
    """Without --apply nothing is called."""
    code, said, called = run(tmp_path, "page-registration", *PAGE)
    assert (code, called) == (0, "")
    assert "Nothing made." in said


def test_a_registration_has_no_secret_and_asks_for_the_claims(tmp_path: Path) -> None:
    """It calls back to the page, trusts the courier's identity, and asks for what the courier validates."""
    code, said, called = run(tmp_path, "page-registration", *PAGE, "--apply")
    assert code == 0
    assert said.splitlines()[0] == "client-1"  # alone on standard output
    for wanted in (
        "Prefer=create-if-missing",
        '"redirectUris": ["https://x.net/.auth/login/aad/callback"]',
        '{"name": "auth_time"}, {"name": "acrs"}',
        "ad sp create --id client-1",
        '"subject": "22222222-2222"',
        "https://login.microsoftonline.com/tenant-1/v2.0",
    ):
        assert wanted in called
    assert "credential reset" not in called
    assert "password" not in called.lower()


def test_a_registration_is_made_once(tmp_path: Path) -> None:
    """A second run makes neither another principal nor another credential."""
    _, said, called = run(tmp_path, "page-registration", *PAGE, "--apply", HELD="22222222-2222")
    assert "ad sp create" not in called
    assert "federated-credential create" not in called
    assert "held already" in said


@pytest.mark.parametrize(
    "args", [(), ("--apply",), ("a b",), ("x", "--page=https://x.net"), ("x", "--courier=1"), ("x", "--page=http://x")]
)
def test_a_registration_takes_nothing_by_halves(tmp_path: Path, args: tuple[str, ...]) -> None:
    """A page without an identity, a page without TLS, or a name that is none: usage, and no call."""
    code, said, called = run(tmp_path, "page-registration", *args)
    assert (code, called) == (2, "")
    assert "usage" in said


def test_before_provisioning_the_registration_is_made_and_remembered(tmp_path: Path) -> None:
    """The hook notes the id for Bicep, and that the registration is ours to keep up."""
    code, _, called = run(tmp_path, "hooks/preprovision", **ENVIRONMENT)
    assert code == 0
    assert "azd env set PASSDESK_PAGE_CLIENT_ID client-1" in called
    assert "azd env set PASSDESK_REGISTRATION ours" in called


def test_a_registration_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """With an id of your own no hook calls anything in the directory; what it needs is said."""
    given = {**ENVIRONMENT, "PASSDESK_PAGE_CLIENT_ID": "yours"}
    assert run(tmp_path, "hooks/preprovision", **given) == (0, "", "")
    code, said, called = run(tmp_path, "hooks/postprovision", **given)
    assert (code, called) == (0, "")
    assert "redirect URI https://pd-prod-courier-x.azurewebsites.net/.auth/login/aad/callback" in said


def test_without_a_mailbox_nothing_begins(tmp_path: Path) -> None:
    """The one value that nobody can guess is asked for before anything is made."""
    code, said, called = run(tmp_path, "hooks/preprovision", AZURE_ENV_NAME="prod")
    assert (code, called) == (1, "")
    assert "PASSDESK_MAILBOX" in said


def test_provisioning_grants_no_tier_0_right_unasked(tmp_path: Path) -> None:
    """`azd up` alone says what is to be granted, and grants none of it."""
    code, said, called = run(tmp_path, "hooks/postprovision", **ENVIRONMENT)
    assert (code, called) == (0, "")
    assert "Tier-0" in said
    assert "infra/grant-graph 11111111-1111  --apply" in said
    assert "infra/grant-mail 33333333-3333 22222222-2222 passdesk@contoso.com --apply" in said


@pytest.mark.parametrize(
    ("how", "options", "wanted"),
    [
        ("script", "--with-audit", '"resourceId": "graph-object", "appRoleId": "id-of-a-role"'),
        ("bicep", "--with-completion", "withCompletion=true"),
        (
            "bicep",
            "",
            "--template-file infra/directory.bicep --parameters issuerPrincipalId=11111111-1111 --output none",
        ),
    ],
)
def test_asked_for_the_rights_are_granted(tmp_path: Path, how: str, options: str, wanted: str) -> None:
    """With PASSDESK_GRANT_GRAPH the hook grants them, by script or by Bicep, with the options that are set."""
    asked = {"PASSDESK_GRANT_GRAPH": how, "PASSDESK_GRANT_WITH": options}
    code, _, called = run(tmp_path, "hooks/postprovision", **ENVIRONMENT, **asked)
    assert code == 0
    assert wanted in called


@pytest.mark.parametrize(
    "asked", [{"PASSDESK_GRANT_GRAPH": "both"}, {"PASSDESK_GRANT_GRAPH": "bicep", "PASSDESK_GRANT_WITH": "--unit=1"}]
)
def test_a_wish_that_nobody_knows_grants_nothing(tmp_path: Path, asked: dict[str, str]) -> None:
    """A misspelt way, or an option that Bicep does not have, stops the hook."""
    code, _, called = run(tmp_path, "hooks/postprovision", **ENVIRONMENT, **asked)
    assert (code, called) == (1, "")

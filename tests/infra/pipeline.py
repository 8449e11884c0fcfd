"""Rules about how Passdesk gets to Azure: azure.yaml, its hooks, and the workflows of GitHub Actions."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.infra.tree import ROOT, Infra, dig

_WORKFLOWS = ".github/workflows/"
_PINNED = re.compile(r"[\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40}")
# Who may ask GitHub for a token that Azure takes: jobs behind an environment, each with what it is for.
_SIGNS_IN = {"what-if.yml/what-if": "what-if", "deploy.yml/deploy": "production"}
_WHEN = {
    "test.yml": {"push": {"branches": ["main"]}, "pull_request": None, "workflow_call": None},
    "what-if.yml": {"pull_request": {"paths": ["infra/**", ".github/workflows/what-if.yml"]}},
    "deploy.yml": {"push": {"tags": ["v*"]}},
}


def _yaml(written: str) -> dict[str, Any]:
    """Return a document with the key `on` under its name (YAML 1.1 reads it as true); {} when it is none."""
    try:
        found = yaml.safe_load(written)
    except yaml.YAMLError:
        return {}
    return (
        {("on" if key is True else str(key)): value for key, value in found.items()} if isinstance(found, dict) else {}
    )


def _workflows(infra: Infra) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, written in infra.texts.items():
        if path.startswith(_WORKFLOWS):
            yield path.removeprefix(_WORKFLOWS), _yaml(written)


def _jobs(infra: Infra) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, workflow in _workflows(infra):
        for job, said in (workflow.get("jobs") or {}).items():
            yield f"{name}/{job}", said


def workflows_run_when_they_should(infra: Infra) -> Iterator[str]:
    """Test on push and pull request, ask what-if on pull request, deploy on a tag after the tests."""
    found = {name: workflow.get("on") for name, workflow in _workflows(infra)}
    for name in sorted(found.keys() | _WHEN.keys()):
        if found.get(name) != _WHEN.get(name):
            yield f"{name} runs on {found.get(name)}"
    jobs = dict(_jobs(infra))
    if jobs.get("deploy.yml/deploy", {}).get("needs") != "test" or "test.yml" not in str(jobs.get("deploy.yml/test")):
        yield "deploy.yml does not wait for the tests"
    whence = "github.event.pull_request.head.repo.full_name == github.repository"
    if jobs.get("what-if.yml/what-if", {}).get("if") != whence:
        yield "what-if.yml runs for a fork"


def actions_are_pinned(infra: Infra) -> Iterator[str]:
    """Every action is pinned by its 40-digit hash (a tag can be moved), with the version beside it."""
    for path, written in infra.texts.items():
        if path.startswith(_WORKFLOWS):
            for action, comment in re.findall(r"uses:\s*(\S+)(.*)", written):
                if action.startswith("./.github/workflows/"):
                    continue
                if not _PINNED.fullmatch(action):
                    yield f"{path}: {action} is not pinned by a hash"
                if not re.search(r"# v\d+\.\d+", comment):
                    yield f"{path}: {action} does not say which version that is"
    for job, said in _jobs(infra):
        for step in said.get("steps", []):
            if (
                "checkout@" in str(step.get("uses"))
                and (step.get("with") or {}).get("persist-credentials") is not False
            ):
                yield f"{job} leaves a token in the checkout"


def workflows_have_the_least_rights(infra: Infra) -> Iterator[str]:
    """No right by default; a job reads this repository, and only the two that sign in to Azure may ask for a token."""
    for name, workflow in _workflows(infra):
        if workflow.get("permissions") != {}:
            yield f"{name} has rights by default"
    for job, said in _jobs(infra):
        environment = _SIGNS_IN.get(job)
        wanted = {"contents": "read"} | ({"id-token": "write"} if environment else {})
        if said.get("permissions") != wanted:
            yield f"{job} has the rights {said.get('permissions')}"
        if said.get("environment") != environment:
            yield f"{job} is in the environment {said.get('environment')}"


def workflows_hold_no_secrets(infra: Infra) -> Iterator[str]:
    """Signing in is OIDC with ids that are no secrets; no text from outside gets into a shell."""
    for path, written in infra.texts.items():
        if path.startswith(_WORKFLOWS) and re.search(r"\bsecrets\b|creds:|client-secret|github\.token", written):
            yield f"{path} uses a secret"
    for job, said in _jobs(infra):
        if "secrets" in said:
            yield f"{job} passes secrets on"
        for step in said.get("steps", []):
            if "${{" in str(step.get("run", "")):
                yield f"{job} puts an expression into a shell: pass it as an environment variable"
            if "azure/login@" in str(step.get("uses")) and set(step.get("with") or {}) != {
                "client-id",
                "tenant-id",
                "subscription-id",
            }:
                yield f"{job} signs in with something else than the three ids"


def workflows_know_every_parameter(infra: Infra) -> Iterator[str]:
    """Set what main.bicepparam reads in what-if and in deployment, alike, and explain it in docs/deploy.md."""
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", infra.texts["main.bicepparam"]))
    for name in sorted(n for n in read if n.startswith("PASSDESK_") and f"`{n}`" not in infra.texts["docs/deploy.md"]):
        yield f"docs/deploy.md does not explain {name}"
    jobs = dict(_jobs(infra))
    told = {job: jobs.get(job, {}).get("env") or {} for job in _SIGNS_IN}
    for job, env in told.items():
        for name in sorted(read - env.keys()):
            yield f"{job} does not set {name}"
        for name in sorted(n for n in env if n.startswith("PASSDESK_") and n not in read):
            yield f"{job} sets {name}, which main.bicepparam does not read"
    first, second = told.values()
    for name in sorted(read & first.keys() & second.keys()):
        if first[name] != second[name]:
            yield f"what-if and deployment differ in {name}"


def azd_deploys_both_apps(infra: Infra) -> Iterator[str]:
    """azure.yaml has a service for each app by its tag, built by Azure, and hooks that exist."""
    document = _yaml(infra.texts["azure.yaml"])
    service = {"project": ".", "language": "python", "host": "function", "remoteBuild": True}
    if document.get("services") != {"issuer": service, "courier": service}:
        yield f"the services are {document.get('services')}"
    if document.get("infra") != {"provider": "bicep", "path": "infra", "module": "main"}:
        yield "azure.yaml does not provision infra/main.bicep"
    hooks = document.get("hooks") or {}
    if set(hooks) != {"preprovision", "postprovision"}:
        yield f"the hooks are {sorted(hooks)}"
    for name, hook in hooks.items():
        run = str(dig(hook, "run"))
        if not run.startswith("infra/") or run.removeprefix("infra/") not in infra.texts or hook.get("shell") != "sh":
            yield f"{name} runs {run}"
        elif not (ROOT / run).stat().st_mode & 0o111:
            yield f"{run} cannot be run"
    if "'azd-service-name': role" not in infra.texts["modules/app.bicep"]:
        yield "the apps are not tagged as azd's services"


def hooks_read_what_is_set(infra: Infra) -> Iterator[str]:
    """Each hook reads only outputs of main.bicep and what main.bicepparam names."""
    outputs = infra.files["main.bicep"].outputs
    for hook in ("hooks/preprovision", "hooks/postprovision"):
        for name in re.findall(r'"\$(PASSDESK_\w+)"', infra.texts[hook]):
            if name not in outputs and f"'{name}'" not in infra.texts["main.bicepparam"]:
                yield f"{hook} reads {name}, which nobody sets"

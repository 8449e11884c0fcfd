"""Mistakes in host.json, azure.yaml and the workflows."""

_HOST = "host.json"
_AZD = "azure.yaml"
_TEST = ".github/workflows/test.yml"
_DEPLOY = ".github/workflows/deploy.yml"
_WHAT_IF = ".github/workflows/what-if.yml"

_HOST_SCHEMA = [
    ("a misspelt key", _HOST, "prefetchCount", "prefetchCounts"),
    ("a key of another version", _HOST, '"serviceBus": {', '"serviceBus": {\n      "messageHandlerOptions": {},'),
    ("a value of another type", _HOST, '"maxConcurrentCalls": 4', '"maxConcurrentCalls": "4"'),
    ("a time span that is none", _HOST, '"sessionIdleTimeout": "00:00:05"', '"sessionIdleTimeout": "5s"'),
    ("a level that is none", _HOST, '"default": "Warning"', '"default": "Warn"'),
    ("a key twice", _HOST, '"version": "2.0",', '"version": "2.0",\n  "version": "2.0",'),
    ("no JSON", _HOST, '"version": "2.0",', '"version": "2.0"'),
]
_HOST_VALUES = [
    ("prefetch", _HOST, '"prefetchCount": 0', '"prefetchCount": 10'),
    ("no automatic completion", _HOST, '"autoCompleteMessages": true', '"autoCompleteMessages": false'),
    (
        "a lock that is not renewed",
        _HOST,
        '"maxAutoLockRenewalDuration": "00:05:00"',
        '"maxAutoLockRenewalDuration": "00:01:00"',
    ),
    ("a function that outlives its lock", _HOST, '"functionTimeout": "00:05:00"', '"functionTimeout": "00:30:00"'),
    ("too much at once", _HOST, '"maxConcurrentSessions": 8', '"maxConcurrentSessions": 64'),
    ("an idle lane is kept", _HOST, '"sessionIdleTimeout": "00:00:05"', '"sessionIdleTimeout": "00:01:00"'),
    ("another bundle", _HOST, "[4.0.0, 5.0.0)", "[3.*, 4.0.0)"),
    ("a prefix for the page", _HOST, '"routePrefix": ""', '"routePrefix": "api"'),
]
_HOST_LOGS = [("an SDK's headers in the log", _HOST, '"Azure.Core": "Warning"', '"Azure.Core": "Information"')]
_AZD_RULES = [
    ("an app is not deployed", _AZD, "  courier:\n", "  other:\n"),
    ("built on somebody's machine", _AZD, "    remoteBuild: true # Azure installs requirements.txt, by hash\n", ""),
    ("a hook that is not there", _AZD, "infra/hooks/preprovision", "infra/hooks/before"),
]
_HOOKS = [
    (
        "a hook reads what nobody sets",
        "hooks/postprovision",
        '"$PASSDESK_COURIER_CLIENT_ID"',
        '"$PASSDESK_COURIER_APP"',
    ),
]
_WHEN = [
    ("deployment on every push", _DEPLOY, 'tags: ["v*"]', "branches: [main]"),
    ("deployment without tests", _DEPLOY, "    needs: test\n", ""),
    ("a fork signs in", _WHAT_IF, "    if: github.event.pull_request.head.repo.full_name == github.repository\n", ""),
    ("code of a fork with our rights", _TEST, "  pull_request:\n", "  pull_request_target:\n"),
]
_ACTIONS = [
    ("an action by its tag", _DEPLOY, "azure/login@f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca", "azure/login@v3"),
    ("an action by a short hash", _TEST, "checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "checkout@3d3c42e"),
    ("a hash of who knows what", _TEST, " # v7.0.1", ""),
    ("a token in the checkout", _DEPLOY, "          persist-credentials: false\n", "          fetch-depth: 0\n"),
]
_LEAST = [
    ("rights by default", _TEST, "permissions: {}", "permissions: read-all"),
    (
        "a job that may write",
        _DEPLOY,
        "      contents: read\n      id-token: write",
        "      contents: write\n      id-token: write",
    ),
    ("tests that sign in", _TEST, "      contents: read\n", "      contents: read\n      id-token: write\n"),
    ("no approval", _DEPLOY, "    environment: production\n", ""),
]
_SECRETS = [
    ("a secret", _DEPLOY, "client-id: ${{ vars.AZURE_CLIENT_ID }}", "creds: ${{ secrets.AZURE }}"),
    (
        "all secrets",
        _DEPLOY,
        "    uses: ./.github/workflows/test.yml\n",
        "    uses: ./.github/workflows/test.yml\n    secrets: inherit\n",
    ),
    (
        "text from outside in a shell",
        _WHAT_IF,
        "run: az bicep lint --file infra/main.bicep",
        "run: echo ${{ github.head_ref }}",
    ),
]
_PARAMETERS = [
    ("a parameter that nobody explains", "docs/deploy.md", "| `PASSDESK_NAME` |", "| |"),
    (
        "a parameter that deployment does not know",
        _DEPLOY,
        "      PASSDESK_DESK_GROUPS: ${{ vars.PASSDESK_DESK_GROUPS }}\n",
        "",
    ),
    (
        "what-if asks about something else",
        _WHAT_IF,
        "vars.PASSDESK_WITHOUT_P2 || 'false'",
        "vars.PASSDESK_WITHOUT_P2 || 'true'",
    ),
]


MISTAKES = {
    "host_json_is_of_the_documented_schema": _HOST_SCHEMA,
    "host_json_says_what_the_design_says": _HOST_VALUES,
    "logs_of_the_sdks_stay_quiet": _HOST_LOGS,
    "azd_deploys_both_apps": _AZD_RULES,
    "hooks_read_what_is_set": _HOOKS,
    "workflows_run_when_they_should": _WHEN,
    "actions_are_pinned": _ACTIONS,
    "workflows_have_the_least_rights": _LEAST,
    "workflows_hold_no_secrets": _SECRETS,
    "workflows_know_every_parameter": _PARAMETERS,
}

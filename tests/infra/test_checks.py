"""The rules hold for infra/, and each of them notices when it is broken."""

from dataclasses import dataclass

import pytest

from tests.infra.checks import CHECKS, Check
from tests.infra.tree import Infra, texts
from tests.infra.wiring import settings_in_code, settings_in_infra

BY_NAME = {check.__name__: check for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_infra_keeps_the_rule(check: Check) -> None:
    """What infra/ says today breaks no rule."""
    assert list(check(Infra.load(texts()))) == []


@dataclass(frozen=True)
class Mutant:
    """One wrong edit of one file, and the rule that must notice it."""

    rule: str
    file: str
    old: str
    new: str


MUTANTS = [
    Mutant("no_keys", "modules/bus.bicep", "output name string = bus.name", "output key string = bus.listKeys().key"),
    Mutant("no_keys", "main.bicep", "param mailbox string", "@secure()\nparam mailbox string"),
    Mutant("no_keys", "modules/app.bicep", "PASSDESK_ROLE: role", "AzureWebJobsStorage: 'AccountKey=abc'"),
    Mutant("no_local_authentication", "modules/bus.bicep", "disableLocalAuth: true", "disableLocalAuth: false"),
    Mutant("no_local_authentication", "modules/bus.bicep", "    disableLocalAuth: true\n", ""),
    Mutant("no_local_authentication", "modules/bus.bicep", "disableLocalAuth: true", "disableLocalAuth: 'true'"),
    Mutant(
        "no_local_authentication", "modules/storage.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"
    ),
    Mutant("no_local_authentication", "modules/app.bicep", "['ftp', 'scm']", "['ftp']"),
    Mutant("transport_is_tls_1_2", "modules/storage.bicep", "'TLS1_2'", "'TLS1_0'"),
    Mutant("transport_is_tls_1_2", "modules/bus.bicep", "minimumTlsVersion: '1.2'", "minimumTlsVersion: '1.1'"),
    Mutant("transport_is_tls_1_2", "modules/app.bicep", "httpsOnly: true", "httpsOnly: false"),
    Mutant(
        "entities_are_the_contracts", "modules/bus.bicep", "'requests', sessions: true", "'requests', sessions: false"
    ),
    Mutant(
        "entities_are_the_contracts",
        "modules/bus.bicep",
        "  { name: 'quarantine', sessions: false, ttl: 'P14D' }\n",
        "",
    ),
    Mutant(
        "entities_are_the_contracts", "modules/bus.bicep", "lockDuration: 'PT1M' // renewed", "lockDuration: 'PT6M' //"
    ),
    Mutant(
        "entities_are_the_contracts", "modules/bus.bicep", "maxDeliveryCount: 10\n    d", "maxDeliveryCount: 1\n    d"
    ),
    Mutant(
        "entities_are_the_contracts", "modules/bus.bicep", "OnMessageExpiration: true", "OnMessageExpiration: false"
    ),
    Mutant("entities_are_the_contracts", "modules/bus.bicep", "name: 'Standard'", "name: 'Basic'"),
    Mutant("entities_are_the_desks", "modules/bus.bicep", "name: 'joiners'", "name: 'starters'"),
    Mutant("entities_are_the_desks", "modules/bus.bicep", "'P14D'", "'P1D'"),
    Mutant("entities_are_the_desks", "modules/bus.bicep", "name: 'hr', kind: 'joiner'", "name: 'hr', kind: ''"),
    Mutant("three_accounts", "main.bicep", "name: 'pdc${name}${suffix}'", "name: 'pdi${name}${suffix}'"),
    Mutant("three_accounts", "main.bicep", "['requests', 'due', 'handovers']", "['requests', 'handovers']"),
    Mutant("three_accounts", "main.bicep", "storageName: courierStorage", "storageName: issuerStorage"),
    Mutant("three_accounts", "main.bicep", "courier: courierStorage", "courier: ledgerStorage"),
    Mutant("vault_lets_go", "modules/vault.bicep", "enableRbacAuthorization: true", "enableRbacAuthorization: false"),
    Mutant("vault_lets_go", "modules/vault.bicep", "InDays: 7", "InDays: 90"),
    Mutant(
        "vault_lets_go",
        "modules/vault.bicep",
        "    enableSoftDelete: true\n",
        "    enableSoftDelete: true\n    enablePurgeProtection: true\n",
    ),
    Mutant(
        "rights_are_the_desks",
        "modules/access.bicep",
        "{ who: 'courier', role: read, on: 'requests' }",
        "{ who: 'courier', role: write, on: 'requests' }",
    ),
    Mutant("rights_are_the_desks", "modules/access.bicep", "  { who: 'issuer', role: send, on: 'quarantine' }\n", ""),
    Mutant(
        "rights_are_the_desks",
        "modules/access.bicep",
        "      'Microsoft.KeyVault/vaults/secrets/setSecret/action'\n",
        "      'Microsoft.KeyVault/vaults/secrets/setSecret/action'\n"
        "      'Microsoft.KeyVault/vaults/secrets/getSecret/action'\n",
    ),
    Mutant(
        "rights_are_the_desks",
        "modules/access.bicep",
        "var topicGrants = [\n",
        "var topicGrants = [\n  { who: 'courier', role: send, on: 'outcomes' }\n",
    ),
    Mutant("rights_are_small", "modules/access.bicep", "scope: queue[i]", "scope: bus"),
    Mutant(
        "rights_are_small",
        "modules/access.bicep",
        "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
        "090c5cfd-751d-490a-894a-3ce6f1109419",
    ),
    Mutant("rights_are_small", "modules/access.bicep", "role: send, on: 'joiners'", "role: receive, on: 'joiners'"),
    Mutant(
        "rights_are_small",
        "modules/vault.bicep",
        "resource log ",
        "resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {\n  scope: vault\n}\n\nresource log ",
    ),
    Mutant("directory_roles_are_the_desks", "grant-graph", "User.Read.All\n", "User.ReadWrite.All\n"),
    Mutant("directory_roles_are_the_desks", "grant-graph", "\nUser.Read.All\n", "\nUser.Read.All\nMail.Send\n"),
    Mutant("directory_roles_are_the_desks", "grant-graph", "UserAuthMethod-Phone.ReadWrite.All\n", ""),
    Mutant("directory_roles_are_the_desks", "grant-graph", "AuditLog.Read.All\n", "\n"),
    Mutant(
        "the_page_is_behind_sign_in", "modules/app.bicep", "requireAuthentication: true", "requireAuthentication: false"
    ),
    Mutant("the_page_is_behind_sign_in", "modules/app.bicep", "'RedirectToLoginPage'", "'AllowAnonymous'"),
    Mutant("the_page_is_behind_sign_in", "modules/app.bicep", "serves ? 'Allow' : 'Deny'", "'Allow'"),
    Mutant("the_page_is_behind_sign_in", "modules/app.bicep", "= if (serves) {", "= if (false) {"),
    Mutant(
        "the_page_is_behind_sign_in", "modules/app.bicep", "allowedAudiences: [signIn.clientId]", "allowedAudiences: []"
    ),
    Mutant(
        "the_page_is_behind_sign_in", "main.bicep", "    signIn: { clientId: pageClientId, issuer: authority }\n", ""
    ),
    Mutant("two_apps", "main.bicep", "role: 'courier'", "role: 'issuer'"),
    Mutant(
        "two_apps", "main.bicep", "identityId: identities.outputs.courierId", "identityId: identities.outputs.issuerId"
    ),
    Mutant("two_apps", "modules/app.bicep", "version: '3.13'", "version: '3.12'"),
    Mutant("settings_are_the_codes", "main.bicep", "  PASSDESK_REQUESTS_QUEUE: 'requests'\n", ""),
    Mutant(
        "settings_are_the_codes", "main.bicep", "var common = {\n", "var common = {\n  PASSDESK_NOBODY_READS_ME: ''\n"
    ),
    Mutant("settings_are_the_codes", "main.bicep", "settings: common\n    signIn", "settings: {}\n    signIn"),
    Mutant("modules_get_what_they_take", "main.bicep", "    vaultName: vault.outputs.name\n", ""),
    Mutant("modules_get_what_they_take", "main.bicep", "vault.outputs.url", "vault.outputs.uri"),
    Mutant("modules_get_what_they_take", "main.bicep", "sku: 'Standard_ZRS'", "skuName: 'Standard_ZRS'"),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.rule}: {m.old.strip()[:40]}")
def test_the_rule_notices_when_it_is_broken(mutant: Mutant) -> None:
    """A wrong edit makes its rule speak, with sentences that it did not say before."""
    written = texts()
    assert mutant.old in written[mutant.file], "the mutant no longer fits the file"
    edited = written | {mutant.file: written[mutant.file].replace(mutant.old, mutant.new)}
    check = BY_NAME[mutant.rule]

    assert set(check(Infra.load(edited))) - set(check(Infra.load(written)))


def test_every_rule_has_a_mutant() -> None:
    """No rule stands that nobody has seen fail."""
    assert BY_NAME.keys() == {mutant.rule for mutant in MUTANTS}


def test_the_settings_are_seen_on_both_sides() -> None:
    """The comparison of settings compares something: both sides name the queues that the bindings use."""
    assert {"PASSDESK_REQUESTS_QUEUE", "PASSDESK_JOINERS_QUEUE"} <= settings_in_code() & settings_in_infra(
        Infra.load(texts())
    )

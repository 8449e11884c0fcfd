"""Mistakes in the resources, their settings and how the modules are joined."""

_MAIN = "main.bicep"
_APP = "modules/app.bicep"
_BUS = "modules/bus.bicep"
_STORAGE = "modules/storage.bicep"
_VAULT = "modules/vault.bicep"
_ACCESS = "modules/access.bicep"
_DIRECTORY = "directory.bicep"
_PARAMS = "main.bicepparam"

_GRAMMAR = [
    ("an expression that is none", _APP, "? null : subnetId", "? null subnetId"),
    ("a lambda without its arrow", _ACCESS, "g => g.kind == 'queue')", "g g.kind == 'queue')"),
    ("an operator without its right side", _MAIN, "'https://${pageHost}'\n", "'https://${pageHost}' ==\n"),
]
_KEYS = [
    ("a key in an output", _BUS, "output name string = bus.name", "output key string = bus.listKeys().key"),
    ("a secret as a parameter", _MAIN, "param mailbox string", "@secure()\nparam mailbox string"),
    ("a connection string in a setting", _APP, "PASSDESK_ROLE: role", "AzureWebJobsStorage: 'AccountKey=abc'"),
    ("a bus connection string", _APP, "PASSDESK_ROLE: role", "PASSDESK_BUS: 'Endpoint=sb://x/;'"),
    ("a SAS in a setting", _MAIN, "PASSDESK_VAULT_URL: vault.outputs.url", "PASSDESK_VAULT_URL: 'https://x?sig=y'"),
    ("a client secret", _APP, "clientSecretSettingName:", "clientSecret: 'x'\n          other:"),
    ("a rule for SAS", _BUS, "namespaces/topics@2024-01-01", "namespaces/AuthorizationRules@2024-01-01"),
]
_LOCAL_AUTHENTICATION = [
    ("SAS is on", _BUS, "disableLocalAuth: true", "disableLocalAuth: false"),
    ("nothing is said about SAS", _BUS, "    disableLocalAuth: true\n", ""),
    ("a text where a truth value belongs", _BUS, "disableLocalAuth: true", "disableLocalAuth: 'true'"),
    ("shared keys are on", _STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
    ("blobs may be public", _STORAGE, "allowBlobPublicAccess: false", "allowBlobPublicAccess: true"),
    ("a container is public", _STORAGE, "publicAccess: 'None'", "publicAccess: 'Blob'"),
    ("a publishing password", _APP, "['ftp', 'scm']", "['ftp']"),
    ("telemetry by key", "modules/monitoring.bicep", "DisableLocalAuth: true", "DisableLocalAuth: false"),
]
_TLS = [
    ("TLS 1.0 on storage", _STORAGE, "'TLS1_2'", "'TLS1_0'"),
    ("TLS 1.1 on the bus", _BUS, "minimumTlsVersion: '1.2'", "minimumTlsVersion: '1.1'"),
    ("TLS 1.0 on an app", _APP, "      minTlsVersion: '1.2'", "      minTlsVersion: '1.0'"),
    ("an app without TLS", _APP, "httpsOnly: true", "httpsOnly: false"),
]
_PRIVATE = [
    ("the bus stays public", _BUS, "privateNetwork ? 'Disabled' : 'Enabled'", "'Enabled'"),
    ("storage stays public", _STORAGE, "privateNetwork ? 'Disabled' : 'Enabled'", "'Enabled'"),
    ("the vault stays public", _VAULT, "privateNetwork ? 'disabled' : 'enabled'", "'enabled'"),
    (
        "an endpoint is lacking",
        _MAIN,
        "      { name: 'ledger', id: ledgerStorage.outputs.id, group: 'table', zone: tableZone }\n",
        "",
    ),
    ("an endpoint of the wrong kind", _MAIN, "group: 'table'", "group: 'blob'"),
    ("an endpoint with another's name", _MAIN, "group: 'table', zone: tableZone", "group: 'table', zone: blobZone"),
    ("Premium by default", _MAIN, "param privateNetwork bool = false", "param privateNetwork bool = true"),
    ("apps in one subnet", _MAIN, "networkName, 'courier')", "networkName, 'issuer')"),
]
_LOGS = [
    ("the vault is not logged", _VAULT, "  scope: vault\n", "  scope: nothing\n"),
    ("a log is off", _BUS, "categoryGroup: 'audit', enabled: true", "categoryGroup: 'audit', enabled: false"),
]
_VAULT_RULES = [
    ("access policies in place of roles", _VAULT, "enableRbacAuthorization: true", "enableRbacAuthorization: false"),
    ("90 days of soft delete", _VAULT, "InDays: 7", "InDays: 90"),
    (
        "purge protection on",
        _VAULT,
        "    enableSoftDelete: true\n",
        "    enableSoftDelete: true\n    enablePurgeProtection: true\n",
    ),
    ("no reason for that", _VAULT, "enablePurgeProtection stays out on purpose", "nothing to see"),
]
_VERSIONS = [
    ("no API version", _BUS, "'Microsoft.ServiceBus/namespaces@2024-01-01'", "'Microsoft.ServiceBus/namespaces'"),
    ("latest as an API version", _VAULT, "Microsoft.KeyVault/vaults@2023-07-01", "Microsoft.KeyVault/vaults@latest"),
    (
        "two versions of one type",
        _APP,
        "Microsoft.Web/sites/config@2024-04-01' = {",
        "Microsoft.Web/sites/config@2023-12-01' = {",
    ),
    ("a preview", _VAULT, "Microsoft.KeyVault/vaults@2023-07-01", "Microsoft.KeyVault/vaults@2026-01-01-preview"),
    ("Graph's beta", _DIRECTORY, "Microsoft.Graph/appRoleAssignedTo@v1.0", "Microsoft.Graph/appRoleAssignedTo@beta"),
]
_EXTENSION = [
    ("an extension that moves", "bicepconfig.json", "v1.0:1.0.0", "v1.0:latest"),
    ("main.bicep needs the extension", _MAIN, "targetScope =", "extension microsoftGraphV1\ntargetScope ="),
]
_CONTRACT = [
    ("lanes without sessions", _BUS, "'requests', sessions: true", "'requests', sessions: false"),
    ("a queue is lacking", _BUS, "  { name: 'quarantine', sessions: false, ttl: 'P14D' }\n", ""),
    ("a lock of six minutes", _BUS, "lockDuration: 'PT1M' // renewed", "lockDuration: 'PT6M' //"),
    ("no property for the lock", _BUS, "    lockDuration: 'PT1M' // renewed by the host for up to five minutes\n", ""),
    ("one delivery", _BUS, "maxDeliveryCount: 10\n    d", "maxDeliveryCount: 1\n    d"),
    (
        "no number of deliveries",
        _BUS,
        "    maxDeliveryCount: 10\n    defaultMessageTimeToLive: q.ttl\n",
        "    defaultMessageTimeToLive: q.ttl\n",
    ),
    ("what expires vanishes", _BUS, "OnMessageExpiration: true", "OnMessageExpiration: false"),
    (
        "duplicates are dropped",
        _BUS,
        "requiresDuplicateDetection: false // the",
        "requiresDuplicateDetection: true // the",
    ),
    ("a bus without topics", _BUS, "name: 'Standard'", "name: 'Basic'"),
    ("a bus that is always Premium", _BUS, "sku: privateNetwork ? ", "sku: true ? "),
]
_DESK = [
    ("a queue of another name", _BUS, "name: 'joiners'", "name: 'starters'"),
    ("another time to live", _BUS, "'P14D'", "'P1D'"),
    ("no time to live", _BUS, "    defaultMessageTimeToLive: q.ttl\n", ""),
    ("another filter", _BUS, "name: '$Default', kind: 'joiner'", "name: '$Default', kind: 'recovery'"),
    ("a filter is lacking", _BUS, "  { of: 'outcomes/itsm', name: 'ticket', kind: 'ticket' }\n", ""),
    ("a filter beside the rule for all", _BUS, "'outcomes/hr', name: '$Default'", "'outcomes/hr', name: 'joiner'"),
]
_TRIGGERS = [
    ("a trigger on sessions that are not there", _BUS, "'requests', sessions: true", "'requests', sessions: false"),
    ("a setting that names no queue", _MAIN, "PASSDESK_ASKS_QUEUE: 'asks'", "PASSDESK_ASKS_QUEUE: 'questions'"),
]
_ACCOUNT = "resource other 'Microsoft.Storage/storageAccounts@2023-05-01' = {\n  name: 'x'\n}\n\nresource log "
_ACCOUNTS = [
    ("a shared storage account", _MAIN, "name: 'pdc${name}${suffix}'", "name: 'pdi${name}${suffix}'"),
    ("a fourth account", _VAULT, "resource log ", _ACCOUNT),
    ("a table is lacking", _MAIN, "['requests', 'due', 'handovers']", "['requests', 'handovers']"),
    ("an app on the other's host storage", _MAIN, "storageName: courierStorage", "storageName: issuerStorage"),
    ("the ledger as a host storage", _MAIN, "courier: courierStorage", "courier: ledgerStorage"),
]
_SIGN_IN = [
    ("platform authentication off", _APP, "platform: { enabled: true }", "platform: { enabled: false }"),
    ("signing in is not required", _APP, "requireAuthentication: true", "requireAuthentication: false"),
    ("strangers get through", _APP, "'RedirectToLoginPage'", "'AllowAnonymous'"),
    ("the issuer's door is open", _APP, "serves ? 'Allow' : 'Deny'", "'Allow'"),
    ("nobody has authentication", _APP, "= if (serves) {", "= if (false) {"),
    ("any audience", _APP, "allowedAudiences: [signIn.clientId]", "allowedAudiences: []"),
    (
        "the courier has no sign-in",
        _MAIN,
        "    signIn: { clientId: pageClientId, issuer: authority, context: authenticationContext }\n",
        "",
    ),
]
_APPS = [
    ("one role twice", _MAIN, "role: 'courier'", "role: 'issuer'"),
    (
        "one identity for both",
        _MAIN,
        "identityId: identities.outputs.courierId",
        "identityId: identities.outputs.issuerId",
    ),
    ("an identity of the system's", _APP, "type: 'UserAssigned', userAssigned", "type: 'SystemAssigned', userAssigned"),
    ("another Python", _APP, "version: '3.13'", "version: '3.12'"),
    ("another plan", _APP, "name: 'FC1'", "name: 'EP1'"),
    ("the package by connection string", _APP, "'UserAssignedIdentity'", "'StorageAccountConnection'"),
]
_CONNECTIONS = [
    ("a setting that wins over the identity", _MAIN, "var common = {\n", "var common = {\n  PASSDESK_BUS: 'x'\n"),
    ("a bus without an identity", _MAIN, "  PASSDESK_BUS__credential: 'managedidentity'\n", ""),
    ("the identity of nobody", _APP, "  AzureWebJobsStorage__clientId: identityClientId\n", ""),
    (
        "a connection in an output",
        _MAIN,
        "output PASSDESK_VAULT_URL string = vault.outputs.url",
        "output PASSDESK_LOGS string = monitoring.outputs.insightsConnection",
    ),
]
_SETTINGS = [
    ("a setting is lacking", _MAIN, "  PASSDESK_REQUESTS_QUEUE: 'requests'\n", ""),
    (
        "a setting that the code does not read",
        _MAIN,
        "var common = {\n",
        "var common = {\n  PASSDESK_NOBODY_READS_ME: ''\n",
    ),
    (
        "a setting that nobody knows",
        _APP,
        "  PASSDESK_ROLE: role\n",
        "  PASSDESK_ROLE: role\n  WEBSITE_RUN_FROM_PACKAGE: '1'\n",
    ),
    ("an app without the settings", _MAIN, "settings: common\n    signIn", "settings: {}\n    signIn"),
    ("settings that are not given", _APP, "properties: union(settings, own,", "properties: union(own,"),
]
_MODULES = [
    ("a module lacks a parameter", _MAIN, "    vaultName: vault.outputs.name\n", ""),
    ("an output that is not there", _MAIN, "vault.outputs.url", "vault.outputs.uri"),
    ("a parameter that is not there", _MAIN, "sku: 'Standard_ZRS'", "skuName: 'Standard_ZRS'"),
    ("a parameter that nobody sets", _PARAMS, "param mailbox = readEnvironmentVariable('PASSDESK_MAILBOX')\n", ""),
    ("a parameter of another name", _PARAMS, "param deskGroups =", "param deskGroup ="),
]

MISTAKES = {
    "bicep_is_well_formed": _GRAMMAR,
    "no_keys": _KEYS,
    "no_local_authentication": _LOCAL_AUTHENTICATION,
    "transport_is_tls_1_2": _TLS,
    "private_is_private": _PRIVATE,
    "everything_is_logged": _LOGS,
    "vault_lets_go": _VAULT_RULES,
    "api_versions_are_pinned": _VERSIONS,
    "extension_is_pinned": _EXTENSION,
    "entities_are_the_contracts": _CONTRACT,
    "entities_are_the_desks": _DESK,
    "queues_are_what_triggers_expect": _TRIGGERS,
    "three_accounts": _ACCOUNTS,
    "the_page_is_behind_sign_in": _SIGN_IN,
    "two_apps": _APPS,
    "connections_are_identities": _CONNECTIONS,
    "settings_are_the_codes": _SETTINGS,
    "modules_get_what_they_take": _MODULES,
}

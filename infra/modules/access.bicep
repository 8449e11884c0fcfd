// Every right that anybody of Passdesk holds in Azure: one table, a row a right, each on the smallest scope that there is.
// local/rights.py enforces the same table on the desk and docs/permissions.md shows what uses each right; `make infra-check`
// compares the three. Rights in the directory stand in infra/directory.bicep, because those make the issuer Tier-0.
@description('Object id for each `who` below; an empty one is left out.')
param principals object
param busName string
param vaultName string
param ledgerName string
@description('The host storage of each app: { issuer, courier }.')
param hostStorageNames object
param insightsName string

// who may do what, on which one of a kind, and why. A new right is one row here and one word in local/rights.py.
var grants = [
  { who: 'hr', may: 'send', kind: 'queue', on: 'joiners', why: 'one event for each joiner' }
  { who: 'itsm', may: 'send', kind: 'queue', on: 'tickets', why: 'one event for each ticket' }
  { who: 'issuer', may: 'receive', kind: 'queue', on: 'joiners', why: 'takes events in; ends their dead letters' }
  { who: 'issuer', may: 'receive', kind: 'queue', on: 'tickets', why: 'takes events in; ends their dead letters' }
  { who: 'issuer', may: 'receive', kind: 'queue', on: 'requests', why: 'works on a request when it is woken' }
  { who: 'issuer', may: 'send', kind: 'queue', on: 'requests', why: 'wakes a request, at once or later' }
  { who: 'issuer', may: 'receive', kind: 'queue', on: 'deliveries', why: 'ends its dead letters: the courier could not tell anybody' }
  { who: 'issuer', may: 'send', kind: 'queue', on: 'deliveries', why: 'tells the courier that there is something to hand over or to ask' }
  { who: 'issuer', may: 'receive', kind: 'queue', on: 'asks', why: 'does what a signed-in recipient or approver asks' }
  { who: 'issuer', may: 'send', kind: 'queue', on: 'quarantine', why: 'sets aside what is no event' }
  { who: 'courier', may: 'receive', kind: 'queue', on: 'deliveries', why: 'hears that there is something to hand over or to ask' }
  { who: 'courier', may: 'send', kind: 'queue', on: 'asks', why: 'passes on what a signed-in person asks; it decides nothing' }
  { who: 'issuer', may: 'send', kind: 'topic', on: 'outcomes', why: 'says what became of each event' }
  { who: 'issuer', may: 'send', kind: 'topic', on: 'security', why: 'says what the SOC should know' }
  { who: 'hr', may: 'receive', kind: 'subscription', on: 'outcomes/hr', why: 'learns what became of its events' }
  { who: 'itsm', may: 'receive', kind: 'subscription', on: 'outcomes/itsm', why: 'learns what became of its tickets' }
  { who: 'issuer', may: 'write', kind: 'table', on: 'requests', why: 'the ledger of requests is the issuer\'s' }
  { who: 'issuer', may: 'write', kind: 'table', on: 'due', why: 'what it must look at again, and when' }
  { who: 'issuer', may: 'read', kind: 'table', on: 'handovers', why: 'sees that a pass was revealed' }
  { who: 'courier', may: 'read', kind: 'table', on: 'requests', why: 'whose pass it is and who may see it' }
  { who: 'courier', may: 'write', kind: 'table', on: 'handovers', why: 'notes each reveal before it shows anything' }
  { who: 'issuer', may: 'secrets/setSecret/action', kind: 'vault', on: 'passes', why: 'puts a passcode in; it can never read one back' }
  { who: 'issuer', may: 'secrets/delete', kind: 'vault', on: 'passes', why: 'removes it when it is revealed, lapsed or withdrawn' }
  { who: 'issuer', may: 'secrets/purge/action', kind: 'vault', on: 'passes', why: 'clean means gone, not restorable for seven days' }
  { who: 'courier', may: 'secrets/getSecret/action', kind: 'vault', on: 'passes', why: 'reads the one passcode that it is about to show' }
  { who: 'courier', may: 'secrets/delete', kind: 'vault', on: 'passes', why: 'a passcode that was shown is gone at once' }
  { who: 'issuer', may: 'ownBlobs', kind: 'host', on: 'issuer', why: 'the Functions host keeps its code, locks and timers there' }
  { who: 'courier', may: 'ownBlobs', kind: 'host', on: 'courier', why: 'the Functions host keeps its code, locks and timers there' }
  { who: 'issuer', may: 'publish', kind: 'insights', on: 'telemetry', why: 'logs and metrics; a key would do it otherwise' }
  { who: 'courier', may: 'publish', kind: 'insights', on: 'telemetry', why: 'logs and metrics; a key would do it otherwise' }
]

// Built-in roles, by the word in `may`. What a row says of the vault goes into a custom role below.
var roles = {
  send: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39' // Azure Service Bus Data Sender
  receive: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0' // Azure Service Bus Data Receiver
  write: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
  read: '76199698-9eea-4c19-bc75-cec21354c6b6' // Storage Table Data Reader
  ownBlobs: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner, which the Functions host asks for
  publish: '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher
}

var apps = ['issuer', 'courier']
var queueGrants = filter(grants, g => g.kind == 'queue')
var topicGrants = filter(grants, g => g.kind == 'topic')
var subscriptionGrants = filter(grants, g => g.kind == 'subscription')
var tableGrants = filter(grants, g => g.kind == 'table')
var vaultGrants = filter(grants, g => g.kind == 'vault')
var hostGrants = filter(grants, g => g.kind == 'host')
var insightsGrants = filter(grants, g => g.kind == 'insights')

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: busName
}

resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' existing = [for g in queueGrants: {
  parent: bus
  name: g.on
}]

resource queueGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in queueGrants: if (!empty(principals[g.who])) {
  scope: queue[i]
  name: guid(busName, g.on, principals[g.who], roles[g.may])
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[g.may])
    description: g.why
  }
}]

resource topic 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' existing = [for g in topicGrants: {
  parent: bus
  name: g.on
}]

resource topicGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in topicGrants: if (!empty(principals[g.who])) {
  scope: topic[i]
  name: guid(busName, g.on, principals[g.who], roles[g.may])
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[g.may])
    description: g.why
  }
}]

resource subscriptionOf 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' existing = [for g in subscriptionGrants: {
  name: '${busName}/${g.on}'
}]

resource subscriptionGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in subscriptionGrants: if (!empty(principals[g.who])) {
  scope: subscriptionOf[i]
  name: guid(busName, g.on, principals[g.who], roles[g.may])
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[g.may])
    description: g.why
  }
}]

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' existing = [for g in tableGrants: {
  name: '${ledgerName}/default/${g.on}'
}]

resource tableGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in tableGrants: if (!empty(principals[g.who])) {
  scope: table[i]
  name: guid(ledgerName, g.on, principals[g.who], roles[g.may])
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[g.may])
    description: g.why
  }
}]

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

// Custom, because no built-in role sets without reading or reads without listing. Nobody reads metadata: nothing that we
// do lists secrets, and the rights that are not used are not held (`make permissions-check`).
resource vaultRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for a in apps: {
  name: guid(resourceGroup().id, vaultName, a)
  properties: {
    roleName: 'Passdesk ${a} (${vaultName})'
    description: 'What the ${a} of Passdesk does with secrets'
    type: 'CustomRole'
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: map(filter(vaultGrants, g => g.who == a), g => 'Microsoft.KeyVault/vaults/${g.may}')
        notDataActions: []
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}]

resource vaultGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (a, i) in apps: {
  scope: vault
  name: guid(vaultName, principals[a], a)
  properties: {
    principalId: principals[a]
    principalType: 'ServicePrincipal'
    roleDefinitionId: vaultRole[i].id
  }
}]

resource hostStorage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = [for g in hostGrants: {
  name: hostStorageNames[g.on]
}]

resource hostGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in hostGrants: {
  scope: hostStorage[i]
  name: guid(hostStorageNames[g.on], principals[g.who], roles[g.may])
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[g.may])
    description: g.why
  }
}]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource insightsGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for g in insightsGrants: {
  scope: insights
  name: guid(insightsName, principals[g.who], roles[g.may])
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[g.may])
    description: g.why
  }
}]

// Every right that anybody of Passdesk holds in Azure, in one place, each on the smallest scope that there is.
// local/rights.py enforces the same table on the desk; a test holds the two together.
@description('Object id for each name below; an empty one is left out.')
param principals object
param busName string
param vaultName string
param ledgerName string
@description('The host storage of each app: { issuer, courier }.')
param hostStorageNames object
param insightsName string

// Built-in roles.
var send = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39' // Azure Service Bus Data Sender
var receive = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0' // Azure Service Bus Data Receiver
var write = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
var read = '76199698-9eea-4c19-bc75-cec21354c6b6' // Storage Table Data Reader
var hostBlobs = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner, which the Functions host asks for
var publishMetrics = '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher

var queueGrants = [
  { who: 'hr', role: send, on: 'joiners' }
  { who: 'itsm', role: send, on: 'tickets' }
  { who: 'issuer', role: receive, on: 'joiners' }
  { who: 'issuer', role: receive, on: 'tickets' }
  { who: 'issuer', role: receive, on: 'requests' }
  { who: 'issuer', role: send, on: 'requests' }
  { who: 'issuer', role: receive, on: 'deliveries' } // its dead letters end in the issuer
  { who: 'issuer', role: send, on: 'deliveries' }
  { who: 'issuer', role: receive, on: 'asks' }
  { who: 'issuer', role: send, on: 'quarantine' }
  { who: 'courier', role: receive, on: 'deliveries' }
  { who: 'courier', role: send, on: 'asks' }
]

var topicGrants = [
  { who: 'issuer', role: send, on: 'outcomes' }
  { who: 'issuer', role: send, on: 'security' }
]

var subscriptionGrants = [
  { who: 'hr', role: receive, topic: 'outcomes', on: 'hr' }
  { who: 'itsm', role: receive, topic: 'outcomes', on: 'itsm' }
]

var tableGrants = [
  { who: 'issuer', role: write, on: 'requests' }
  { who: 'issuer', role: write, on: 'due' }
  { who: 'issuer', role: read, on: 'handovers' }
  { who: 'courier', role: read, on: 'requests' }
  { who: 'courier', role: write, on: 'handovers' }
]

// Custom, because no built-in role sets without reading or reads without listing.
var vaultRoles = [
  {
    who: 'issuer'
    dataActions: [
      'Microsoft.KeyVault/vaults/secrets/setSecret/action'
      'Microsoft.KeyVault/vaults/secrets/delete'
      'Microsoft.KeyVault/vaults/secrets/purge/action'
    ]
  }
  {
    who: 'courier'
    dataActions: [
      'Microsoft.KeyVault/vaults/secrets/getSecret/action'
      'Microsoft.KeyVault/vaults/secrets/delete'
    ]
  }
]

var apps = ['issuer', 'courier']

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: busName
}

resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' existing = [for g in queueGrants: {
  parent: bus
  name: g.on
}]

resource queueGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in queueGrants: if (!empty(principals[g.who])) {
  scope: queue[i]
  name: guid(busName, g.on, principals[g.who], g.role)
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', g.role)
  }
}]

resource topic 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' existing = [for g in topicGrants: {
  parent: bus
  name: g.on
}]

resource topicGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in topicGrants: if (!empty(principals[g.who])) {
  scope: topic[i]
  name: guid(busName, g.on, principals[g.who], g.role)
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', g.role)
  }
}]

resource subscriptionOf 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' existing = [for g in subscriptionGrants: {
  name: '${busName}/${g.topic}/${g.on}'
}]

resource subscriptionGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in subscriptionGrants: if (!empty(principals[g.who])) {
  scope: subscriptionOf[i]
  name: guid(busName, g.topic, g.on, principals[g.who], g.role)
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', g.role)
  }
}]

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' existing = [for g in tableGrants: {
  name: '${ledgerName}/default/${g.on}'
}]

resource tableGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (g, i) in tableGrants: if (!empty(principals[g.who])) {
  scope: table[i]
  name: guid(ledgerName, g.on, principals[g.who], g.role)
  properties: {
    principalId: principals[g.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', g.role)
  }
}]

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource vaultRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for r in vaultRoles: {
  name: guid(resourceGroup().id, vaultName, r.who)
  properties: {
    roleName: 'Passdesk ${r.who} (${vaultName})'
    description: 'What the ${r.who} of Passdesk does with secrets'
    type: 'CustomRole'
    permissions: [{ actions: [], notActions: [], dataActions: r.dataActions, notDataActions: [] }]
    assignableScopes: [resourceGroup().id]
  }
}]

resource vaultGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (r, i) in vaultRoles: if (!empty(principals[r.who])) {
  scope: vault
  name: guid(vaultName, principals[r.who], r.who)
  properties: {
    principalId: principals[r.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: vaultRole[i].id
  }
}]

resource hostStorage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = [for a in apps: {
  name: hostStorageNames[a]
}]

resource hostGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (a, i) in apps: {
  scope: hostStorage[i]
  name: guid(hostStorageNames[a], principals[a], hostBlobs)
  properties: {
    principalId: principals[a]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', hostBlobs)
  }
}]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource insightsGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for a in apps: {
  scope: insights
  name: guid(insightsName, principals[a], publishMetrics)
  properties: {
    principalId: principals[a]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', publishMetrics)
  }
}]

// The bus. local/bus/entities.json describes the same entities for the desk; a test holds the two together.
param name string
param location string
param workspaceId string
@description('True: Premium, reachable by private endpoints alone.')
param privateNetwork bool

var queues = [
  { name: 'joiners', sessions: false, ttl: 'P14D' }
  { name: 'tickets', sessions: false, ttl: 'P14D' }
  { name: 'requests', sessions: true, ttl: 'P14D' } // a session is a lane: one person is in one lane, a lane is worked by one instance
  { name: 'deliveries', sessions: false, ttl: 'P14D' }
  { name: 'asks', sessions: false, ttl: 'PT1H' } // they carry id tokens, which live an hour
  { name: 'quarantine', sessions: false, ttl: 'P14D' }
]

var topics = ['outcomes', 'security']

var subscriptions = [
  { topic: 'outcomes', name: 'hr' }
  { topic: 'outcomes', name: 'itsm' }
  { topic: 'outcomes', name: 'all' }
  { topic: 'security', name: 'siem' }
]

// Who gets which outcomes, by their `kind`. The first rule of a subscription is named $Default, so that it takes the
// place of the one that lets everything through. A ticket's outcome says `recovery`; `ticket` is let through as on the desk.
var rules = [
  { of: 'outcomes/hr', name: '$Default', kind: 'joiner' }
  { of: 'outcomes/itsm', name: '$Default', kind: 'recovery' }
  { of: 'outcomes/itsm', name: 'ticket', kind: 'ticket' }
]

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  // Basic has neither sessions nor topics. Standard has a small base price by the hour. One Premium messaging unit costs
  // about seventy times as much, day and night (docs/cost.md), and neither changes into the other in place.
  sku: privateNetwork ? { name: 'Premium', tier: 'Premium', capacity: 1 } : { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
  }
}

resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for q in queues: {
  parent: bus
  name: q.name
  properties: {
    requiresSession: q.sessions
    requiresDuplicateDetection: false // the ledger's row decides; a re-driven wake-up must not be dropped
    lockDuration: 'PT1M' // renewed by the host for up to five minutes
    maxDeliveryCount: 10
    defaultMessageTimeToLive: q.ttl
    deadLetteringOnMessageExpiration: true // nothing vanishes: dead letters end their request in `failed`
  }
}]

resource topic 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = [for t in topics: {
  parent: bus
  name: t
  properties: {
    requiresDuplicateDetection: false
    defaultMessageTimeToLive: 'P14D'
  }
}]

resource subscription 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [for s in subscriptions: {
  name: '${name}/${s.topic}/${s.name}'
  dependsOn: [topic]
  properties: {
    requiresSession: false
    lockDuration: 'PT1M'
    maxDeliveryCount: 10
    defaultMessageTimeToLive: 'P14D'
    deadLetteringOnMessageExpiration: true
  }
}]

resource rule 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2024-01-01' = [for r in rules: {
  name: '${name}/${r.of}/${r.name}'
  dependsOn: [subscription]
  properties: {
    filterType: 'CorrelationFilter'
    correlationFilter: { properties: { kind: r.kind } }
  }
}]

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: bus
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

output id string = bus.id
output name string = bus.name
output fullyQualifiedNamespace string = '${bus.name}.servicebus.windows.net'

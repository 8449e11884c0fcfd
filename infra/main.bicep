// Passdesk in one resource group: two apps, two identities, a bus, a vault, a ledger. No key and no secret
// is created, read or passed here: every connection is an identity with the rights in modules/access.bicep.
// Rights in the directory are not given here: infra/directory.bicep or infra/grant-graph gives them, knowingly.
targetScope = 'resourceGroup'

@description('Short name of this installation; part of every resource name.')
@minLength(2)
@maxLength(8)
param name string

param location string = resourceGroup().location

@description('Mailbox that notices are sent from.')
param mailbox string

@description('Application (client) id of the hand-over page\'s app registration.')
param pageClientId string

@description('Object ids that never get a pass from us, comma separated: people, and groups.')
param protectedPeople string = ''
param protectedGroups string = ''

@description('Object ids of groups, comma separated: who may verify callers, who may approve, who else needs the strongest evidence (operators, and owners of these resources).')
param deskGroups string = ''
param approverGroups string = ''
param elevatedGroups string = ''

@description('What tickets are judged by: a TOML file in the package, named from its root. The one that is named here is what the product ships.')
param recoveryFile string = 'shared/composition/recovery.toml'

@description('Lanes: how many people can be worked on at once, everywhere together. It bounds the rate towards Graph.')
@minValue(1)
@maxValue(64)
param lanes int = 16

@description('What the CloudEvents attribute `source` may be on each queue, comma separated.')
param joinerSources string = '/hr/workday'
param ticketSources string = '/itsm/servicenow'

@description('How long before a start a pass may be made, how far off a start may be, how long an unknown joiner is waited for.')
param leadMinutes int = 30
param joinerWindowDays int = 30
param joinerPatienceHours int = 24

@description('True only for a tenant without PIM (no Entra ID P2): its eligibilities cannot be read because there are none.')
param withoutP2 bool = false

@description('True lets the issuer look for a use of a pass in the sign-in log; it then needs AuditLog.Read.All as well.')
param readSignIns bool = false

@description('The language of notices to recipients and approvers: one that shared/adapters/messages has a file for.')
param language string = 'en'

@description('Resource id of the action group that alerts go to; empty: they are seen in the portal only.')
param actionGroupId string = ''

@description('True records each request\'s steps and calls to Graph as one trace in Application Insights.')
param traces bool = true

@description('Object ids of the service principals that send events; empty: granted later by hand.')
param hrPrincipalId string = ''
param itsmPrincipalId string = ''

@description('Authentication context (c1 to c99) that the page asks Entra for at sign-in; a Conditional Access policy of yours says what it takes. Empty: none is asked for.')
param authenticationContext string = ''

@description('True: Service Bus Premium, and bus, vault and storage behind private endpoints. Premium alone costs some 670 USD a month where Standard costs some 10, and senders of events then need a way into this network. Fixed when the bus is made: neither tier changes into the other in place.')
param privateNetwork bool = false

@description('Base URL of Microsoft Graph; another one in a national cloud.')
param graphUrl string = 'https://graph.microsoft.com/v1.0'

// NCRONTAB with six fields, UTC.
param cleanUpSchedule string = '0 */5 * * * *'
param reDriveSchedule string = '30 * * * * *'
param reviewSchedule string = '0 0 * * * *'

var suffix = take(uniqueString(resourceGroup().id, name), 8)
var authority = '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
var pageHost = 'pd-${name}-courier-${suffix}.azurewebsites.net'
var networkName = 'pd-${name}-${suffix}'
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var tableZone = 'privatelink.table.${environment().suffixes.storage}'

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: { name: 'pd-${name}-${suffix}', location: location }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    name: 'pd-${name}-${suffix}'
    location: location
    workspaceName: monitoring.outputs.workspaceName
    issuerPrincipalId: identities.outputs.issuerPrincipalId
    actionGroupId: actionGroupId
  }
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: { name: 'pd-${name}', location: location }
}

module bus 'modules/bus.bicep' = {
  name: 'bus'
  params: { name: 'pd-${name}-${suffix}', location: location, workspaceId: monitoring.outputs.workspaceId, privateNetwork: privateNetwork }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: { name: 'pd${name}${suffix}', location: location, workspaceId: monitoring.outputs.workspaceId, privateNetwork: privateNetwork }
}

// Three accounts: whoever holds an app's host storage can change that app's code, so neither app may hold the
// other's, and none may hold the ledger's.
module issuerStorage 'modules/storage.bicep' = {
  name: 'storage-issuer'
  params: {
    name: 'pdi${name}${suffix}'
    location: location
    containers: ['package']
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

module courierStorage 'modules/storage.bicep' = {
  name: 'storage-courier'
  params: {
    name: 'pdc${name}${suffix}'
    location: location
    containers: ['package']
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

module ledgerStorage 'modules/storage.bicep' = {
  name: 'storage-ledger'
  params: {
    name: 'pdl${name}${suffix}'
    location: location
    sku: 'Standard_ZRS'
    tables: ['requests', 'due', 'handovers']
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

// Logs go out to Azure Monitor by its public address, and the page stays public, behind sign-in.
module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    name: networkName
    location: location
    targets: [
      { name: 'bus', id: bus.outputs.id, group: 'namespace', zone: 'privatelink.servicebus.windows.net' }
      { name: 'vault', id: vault.outputs.id, group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
      { name: 'issuer', id: issuerStorage.outputs.id, group: 'blob', zone: blobZone }
      { name: 'courier', id: courierStorage.outputs.id, group: 'blob', zone: blobZone }
      { name: 'ledger', id: ledgerStorage.outputs.id, group: 'table', zone: tableZone }
    ]
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  params: {
    principals: {
      issuer: identities.outputs.issuerPrincipalId
      courier: identities.outputs.courierPrincipalId
      hr: hrPrincipalId
      itsm: itsmPrincipalId
    }
    busName: bus.outputs.name
    vaultName: vault.outputs.name
    ledgerName: ledgerStorage.outputs.name
    hostStorageNames: { issuer: issuerStorage.outputs.name, courier: courierStorage.outputs.name }
    insightsName: monitoring.outputs.insightsName
  }
}

// Alert rules: a module of their own, to be called here.

// What both roles are told; modules/app.bicep adds what the platform itself reads.
var common = {
  PASSDESK_BUS__fullyQualifiedNamespace: bus.outputs.fullyQualifiedNamespace
  PASSDESK_BUS__credential: 'managedidentity'
  PASSDESK_VAULT_URL: vault.outputs.url
  PASSDESK_LEDGER_URL: ledgerStorage.outputs.tableUrl
  PASSDESK_GRAPH_URL: graphUrl
  PASSDESK_MAILBOX: mailbox
  PASSDESK_PAGE_URL: 'https://${pageHost}'
  PASSDESK_PAGE_CLIENT_ID: pageClientId
  PASSDESK_SIGN_IN_AUTHORITY: authority
  PASSDESK_TENANT_ID: tenant().tenantId
  PASSDESK_LANES: string(lanes)
  PASSDESK_PROTECTED_PEOPLE: protectedPeople
  PASSDESK_PROTECTED_GROUPS: protectedGroups
  PASSDESK_DESK_GROUPS: deskGroups
  PASSDESK_APPROVER_GROUPS: approverGroups
  PASSDESK_ELEVATED_GROUPS: elevatedGroups
  PASSDESK_RECOVERY_FILE: recoveryFile
  PASSDESK_WITHOUT_P2: string(withoutP2)
  PASSDESK_READ_SIGN_INS: string(readSignIns)
  PASSDESK_LANGUAGE: language
  PASSDESK_TRACES: string(traces)
  PASSDESK_LEAD_MINUTES: string(leadMinutes)
  PASSDESK_JOINER_WINDOW_DAYS: string(joinerWindowDays)
  PASSDESK_JOINER_PATIENCE_HOURS: string(joinerPatienceHours)
  PASSDESK_JOINER_SOURCES: joinerSources
  PASSDESK_TICKET_SOURCES: ticketSources
  PASSDESK_JOINERS_QUEUE: 'joiners'
  PASSDESK_TICKETS_QUEUE: 'tickets'
  PASSDESK_REQUESTS_QUEUE: 'requests'
  PASSDESK_DELIVERIES_QUEUE: 'deliveries'
  PASSDESK_ASKS_QUEUE: 'asks'
  PASSDESK_QUARANTINE_QUEUE: 'quarantine'
  PASSDESK_OUTCOMES_TOPIC: 'outcomes'
  PASSDESK_SECURITY_TOPIC: 'security'
  PASSDESK_CLEAN_UP_SCHEDULE: cleanUpSchedule
  PASSDESK_RE_DRIVE_SCHEDULE: reDriveSchedule
}

module issuer 'modules/app.bicep' = {
  name: 'app-issuer'
  params: {
    role: 'issuer'
    name: 'pd-${name}-issuer-${suffix}'
    location: location
    identityId: identities.outputs.issuerId
    identityClientId: identities.outputs.issuerClientId
    storageName: issuerStorage.outputs.name
    packageUrl: '${issuerStorage.outputs.blobUrl}package'
    insightsConnection: monitoring.outputs.insightsConnection
    settings: common
    subnetId: privateNetwork ? resourceId('Microsoft.Network/virtualNetworks/subnets', networkName, 'issuer') : ''
  }
  dependsOn: [access, network]
}

module courier 'modules/app.bicep' = {
  name: 'app-courier'
  params: {
    role: 'courier'
    name: 'pd-${name}-courier-${suffix}'
    location: location
    identityId: identities.outputs.courierId
    identityClientId: identities.outputs.courierClientId
    storageName: courierStorage.outputs.name
    packageUrl: '${courierStorage.outputs.blobUrl}package'
    insightsConnection: monitoring.outputs.insightsConnection
    settings: common
    signIn: { clientId: pageClientId, issuer: authority, context: authenticationContext }
    subnetId: privateNetwork ? resourceId('Microsoft.Network/virtualNetworks/subnets', networkName, 'courier') : ''
  }
  dependsOn: [access, network]
}

output PASSDESK_PAGE_URL string = 'https://${pageHost}'
output PASSDESK_BUS_NAMESPACE string = bus.outputs.fullyQualifiedNamespace
output PASSDESK_VAULT_URL string = vault.outputs.url
output PASSDESK_LEDGER_URL string = ledgerStorage.outputs.tableUrl
@description('For the scripts in infra/ that an administrator of the directory and one of Exchange run once.')
output PASSDESK_ISSUER_PRINCIPAL_ID string = identities.outputs.issuerPrincipalId
output PASSDESK_COURIER_CLIENT_ID string = identities.outputs.courierClientId
output PASSDESK_COURIER_PRINCIPAL_ID string = identities.outputs.courierPrincipalId

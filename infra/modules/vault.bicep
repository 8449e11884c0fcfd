// The vault dedicated to passes: nothing else may live here, because both roles may delete in it.
param name string
param location string
param workspaceId string
@description('True: reachable by private endpoints alone.')
param privateNetwork bool

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7 // the least that there is; fixed when the vault is made
    // enablePurgeProtection stays out on purpose: clean means gone. With it nobody could purge a passcode before the
    // retention ends, and once on it can never be turned off. What is lost when somebody purges is minutes old and
    // can be issued anew, so the protection would guard nothing that we need to keep.
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: privateNetwork ? 'disabled' : 'enabled'
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

output id string = vault.id
output name string = vault.name
output url string = vault.properties.vaultUri

// Private endpoints: bus, vault and storage are then reached from inside this network alone. Only with
// `privateNetwork`; without it they are reachable from the internet and guarded by identity.
param name string
param location string
@description('What gets a private endpoint: [{ name, id, group, zone }], `zone` being the private DNS zone of its kind.')
param targets array

// What Flex Consumption asks of a subnet.
var functions = [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }]

var zones = [
  'privatelink.servicebus.windows.net'
  'privatelink.vaultcore.azure.net'
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.table.${environment().suffixes.storage}'
]

// Subnets stand in the network and not beside it: a network that is deployed again without them might lose them. Peer it
// only after choosing other ranges. The apps have a subnet each, so that a rule can tell them apart.
resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  properties: {
    addressSpace: { addressPrefixes: ['10.117.0.0/24'] }
    subnets: [
      { name: 'issuer', properties: { addressPrefix: '10.117.0.0/26', delegations: functions } }
      { name: 'courier', properties: { addressPrefix: '10.117.0.64/26', delegations: functions } }
      { name: 'endpoints', properties: { addressPrefix: '10.117.0.128/26' } }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [for z in zones: {
  name: z
  location: 'global'
}]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (z, i) in zones: {
  parent: zone[i]
  name: name
  location: 'global'
  properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
}]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = [for t in targets: {
  name: '${name}-${t.name}'
  location: location
  properties: {
    subnet: { id: '${network.id}/subnets/endpoints' }
    privateLinkServiceConnections: [
      { name: t.name, properties: { privateLinkServiceId: t.id, groupIds: [t.group] } }
    ]
  }
}]

resource entry 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (t, i) in targets: {
  parent: endpoint[i]
  name: 'default'
  dependsOn: [zone]
  properties: {
    privateDnsZoneConfigs: [
      { name: t.group, properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', t.zone) } }
    ]
  }
}]

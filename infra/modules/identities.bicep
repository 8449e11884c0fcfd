// One identity for each role; what each may do stands in access.bicep and, for the directory, in infra/grant-graph.
param name string
param location string

resource issuer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-issuer'
  location: location
}

resource courier 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-courier'
  location: location
}

output issuerId string = issuer.id
output issuerPrincipalId string = issuer.properties.principalId
output issuerClientId string = issuer.properties.clientId
output courierId string = courier.id
output courierPrincipalId string = courier.properties.principalId
output courierClientId string = courier.properties.clientId

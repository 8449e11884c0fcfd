// One role of the app on Flex Consumption. main.bicep makes two: they share code and nothing else.
@allowed(['issuer', 'courier'])
param role string
param name string
param location string
param identityId string
param identityClientId string
param storageName string
param packageUrl string
param insightsConnection string
param settings object
@description('The page\'s app registration: { clientId, issuer, context }. The courier has it, the issuer has no HTTP.')
param signIn object = {}
@description('Subnet that the app calls out of; empty: none.')
param subnetId string = ''

var serves = role == 'courier'

// `max_age`: a session that is older than fifteen minutes has to sign in again. A context is asked for as a claim, and
// comes back as `acrs`: the courier takes it for proof of a second factor, as it takes `amr`.
var context = signIn.?context ?? ''
var signInParameters = union(
  ['scope=openid profile', 'max_age=900'],
  empty(context) ? [] : ['claims={"id_token":{"acrs":{"essential":true,"value":"${context}"}}}']
)

// What the platform reads, and which role and identity this is.
var own = {
  PASSDESK_ROLE: role
  PASSDESK_CLIENT_ID: identityClientId
  PASSDESK_BUS__clientId: identityClientId
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection // an address: local authentication is off there
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

// Lets platform authentication prove itself with the courier's identity (a federated credential of the page's
// app registration) where it would otherwise need a client secret.
var pageCredential = { OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId }

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  tags: { 'azd-service-name': role }
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      // The issuer has no HTTP function, so nobody has anything to ask of it; deployment goes by the other door.
      ipSecurityRestrictionsDefaultAction: serves ? 'Allow' : 'Deny'
      scmIpSecurityRestrictionsDefaultAction: 'Allow'
    }
    functionAppConfig: {
      runtime: { name: 'python', version: '3.13' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      // The least that Flex Consumption takes; lanes, not instances, bound the rate.
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: 40 }
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(settings, own, serves ? pageCredential : {})
}

resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [for door in ['ftp', 'scm']: {
  parent: app
  name: door
  properties: { allow: false }
}]

// Platform authentication: it signs people in and passes their id token on; the courier validates that token itself.
resource authentication 'Microsoft.Web/sites/config@2024-04-01' = if (serves) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: ['/health'] // a monitor signs in nowhere; it is told ok or failed, no more
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signIn.clientId
          openIdIssuer: signIn.issuer
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
        }
        login: { loginParameters: signInParameters }
        validation: { allowedAudiences: [signIn.clientId] }
      }
    }
    login: { tokenStore: { enabled: true } } // without it the id token is not passed on
  }
}

output host string = app.properties.defaultHostName

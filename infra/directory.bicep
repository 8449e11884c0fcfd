// The issuer's rights in the directory, by name. A template of its own and never part of main.bicep:
//
//   THESE RIGHTS MAKE THE ISSUER TIER-0. It can make a pass for anybody in the tenant, a Global Administrator included,
//   and whoever holds a pass IS that person. Microsoft cannot narrow the right; only Passdesk's own code refuses. Whoever
//   deploys this needs Privileged Role Administrator, and should be somebody else than whoever deploys main.bicep.
//
//   az deployment group create --resource-group GROUP --template-file infra/directory.bicep \
//     --parameters issuerPrincipalId=ID
//
// infra/grant-graph does the same with the Azure CLI alone, and shows first what it would do. `make infra-check` reads this
// file and compares it with that script and with local/rights.py; that the extension's types are met, the compiler alone
// checks. The extension cannot take a right away: see docs/deploy.md. The courier gets nothing here (infra/grant-mail).
extension microsoftGraphV1

@description('Object id of the issuer\'s identity: the output PASSDESK_ISSUER_PRINCIPAL_ID of main.bicep.')
param issuerPrincipalId string

@description('True: also the rights to remove the lost methods that a ticket names, and to end sessions.')
param withCompletion bool = false

@description('True: also the right to read the audit log, to see a phone or manager that changed a short time ago (Entra ID P1).')
param withAudit bool = false

@description('True: leave out what changes people, because a directory role scoped to an administrative unit gives it (docs/administrative-unit.md).')
param byAdministrativeUnit bool = false

// What reads, what makes and removes passes, what completes a recovery, what reads the log.
var reading = [
  { role: 'User.Read.All', why: 'who the person is, and the manager' }
  { role: 'GroupMember.Read.All', why: 'membership of protected, desk and approver groups; owners of groups that hold roles' }
  { role: 'Policy.Read.AuthenticationMethod', why: 'what the tenant\'s policy allows of a pass' }
  { role: 'RoleManagement.Read.Directory', why: 'whoever holds or may activate a directory role gets no pass' }
  { role: 'PrivilegedEligibilitySchedule.Read.AzureADGroup', why: 'eligibility through a group (PIM)' }
  { role: 'UserAuthenticationMethod.Read.All', why: 'whoever is set up already is no joiner; which methods were lost' }
]
var passes = [
  { role: 'UserAuthMethod-TAP.ReadWrite.All', why: 'make the pass, and delete it: this one is Tier-0' }
]
var completion = [
  { role: 'UserAuthMethod-MicrosoftAuthApp.ReadWrite.All', why: 'remove the lost authenticator' }
  { role: 'UserAuthMethod-Passkey.ReadWrite.All', why: 'remove the lost security key' }
  { role: 'UserAuthMethod-Phone.ReadWrite.All', why: 'remove the lost phone' }
  { role: 'UserAuthMethod-WindowsHello.ReadWrite.All', why: 'remove the lost device\'s Windows Hello' }
  { role: 'UserAuthMethod-SoftwareOATH.ReadWrite.All', why: 'remove the lost code generator' }
  { role: 'User.RevokeSessions.All', why: 'end the sessions of a lost device' }
]
var audit = [
  { role: 'AuditLog.Read.All', why: 'a phone or manager that changed a short time ago' }
]
var granted = concat(
  reading,
  byAdministrativeUnit ? [] : passes,
  withCompletion && !byAdministrativeUnit ? completion : [],
  withAudit ? audit : []
)

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

// By name, never by a remembered id: the directory says which id the role has today.
resource grant 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [for g in granted: {
  principalId: issuerPrincipalId
  resourceId: graph.id
  appRoleId: filter(graph.appRoles, r => r.value == g.role && contains(r.allowedMemberTypes, 'Application'))[0].id
}]

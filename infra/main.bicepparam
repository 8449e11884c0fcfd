using 'main.bicep'

param name = readEnvironmentVariable('PASSDESK_NAME', 'prod')
param mailbox = readEnvironmentVariable('PASSDESK_MAILBOX')
param pageClientId = readEnvironmentVariable('PASSDESK_PAGE_CLIENT_ID')
param protectedPeople = readEnvironmentVariable('PASSDESK_PROTECTED_PEOPLE', '')
param protectedGroups = readEnvironmentVariable('PASSDESK_PROTECTED_GROUPS', '')
param deskGroups = readEnvironmentVariable('PASSDESK_DESK_GROUPS', '')
param approverGroups = readEnvironmentVariable('PASSDESK_APPROVER_GROUPS', '')
param elevatedGroups = readEnvironmentVariable('PASSDESK_ELEVATED_GROUPS', '')
param hrPrincipalId = readEnvironmentVariable('PASSDESK_HR_PRINCIPAL_ID', '')
param itsmPrincipalId = readEnvironmentVariable('PASSDESK_ITSM_PRINCIPAL_ID', '')

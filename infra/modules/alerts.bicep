// What somebody must look at, and the questions to ask of the logs. Each query stands once, in docs/kql; what an alert
// means and what to do about it in docs/runbook.md. A test holds the three together.
param name string
param location string
param workspaceName string
@description('Object id of the issuer\'s service principal: whoever else makes a pass is reported.')
param issuerPrincipalId string
@description('Resource id of the action group that is told; empty: alerts are seen in the portal only.')
param actionGroupId string = ''

// Severity: 0 critical, 1 error, 2 warning.
var alerts = [
  {
    name: 'dead-letters'
    title: 'A message could not be worked on'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('../../docs/kql/alert-dead-letters.kql')
  }
  {
    name: 'quarantine'
    title: 'An event was put aside'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('../../docs/kql/alert-quarantine.kql')
  }
  {
    name: 'revocations'
    title: 'A pass was taken back'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('../../docs/kql/alert-revocations.kql')
  }
  {
    name: 'foreign-account'
    title: 'Another account tried to reveal a pass'
    severity: 0
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('../../docs/kql/alert-foreign-account.kql')
  }
  {
    name: 'foreign-pass'
    title: 'Somebody else made a pass'
    severity: 1
    every: 'PT15M'
    window: 'PT2H'
    query: replace(loadTextContent('../../docs/kql/alert-foreign-pass.kql'), 'ISSUER_PRINCIPAL_ID', issuerPrincipalId)
  }
  {
    name: 'no-clean-up'
    title: 'No clean-up for 30 minutes'
    severity: 1
    every: 'PT10M'
    window: 'P1D'
    query: loadTextContent('../../docs/kql/alert-no-clean-up.kql')
  }
  {
    name: 'overdue'
    title: 'Requests do not get on'
    severity: 2
    every: 'PT10M'
    window: 'PT30M'
    query: loadTextContent('../../docs/kql/alert-overdue.kql')
  }
  {
    name: 'secret-read-outside-reveal'
    title: 'A passcode was read outside a reveal'
    severity: 0
    every: 'PT15M'
    window: 'PT2H'
    query: loadTextContent('../../docs/kql/alert-secret-read-outside-reveal.kql')
  }
]

// Figures and questions, for whoever looks: they stand in the workspace under the category Passdesk.
var questions = [
  { name: 'ends', query: loadTextContent('../../docs/kql/metric-ends.kql') }
  { name: 'event-to-ready', query: loadTextContent('../../docs/kql/metric-event-to-ready.kql') }
  { name: 'ready-to-reveal', query: loadTextContent('../../docs/kql/metric-ready-to-reveal.kql') }
  { name: 'live-passes', query: loadTextContent('../../docs/kql/metric-live-passes.kql') }
  { name: 'quarantine', query: loadTextContent('../../docs/kql/metric-quarantine.kql') }
  { name: 'overdue', query: loadTextContent('../../docs/kql/metric-overdue.kql') }
  { name: 'throttles', query: loadTextContent('../../docs/kql/metric-throttles.kql') }
  { name: 'one-request', query: loadTextContent('../../docs/kql/one-request.kql') }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource alert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for a in alerts: {
  name: '${name}-${a.name}'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: 'Passdesk: ${a.title}'
    description: 'docs/runbook.md says what it means, where to look first, and how to mend it.'
    enabled: true
    severity: a.severity
    scopes: [workspace.id]
    evaluationFrequency: a.every
    windowSize: a.window
    criteria: {
      allOf: [
        {
          query: a.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    autoMitigate: true
    // Tables come into being with their first line, which a fresh installation does not have yet.
    skipQueryValidation: true
    actions: { actionGroups: empty(actionGroupId) ? [] : [actionGroupId] }
  }
}]

resource question 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = [for q in questions: {
  parent: workspace
  name: 'passdesk-${q.name}'
  properties: {
    category: 'Passdesk'
    displayName: 'Passdesk: ${q.name}'
    query: q.query
    version: 2
  }
}]

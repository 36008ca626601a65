// What everything else reports to: logs (Log Analytics), the app's telemetry (Application Insights),
// and whom Azure tells (an action group). docs/monitoring.md

@description('The part of names that tells deployments apart.')
param token string

param location string
param tags object

@description('Who gets a mail about each alert of Azure. Empty: alerts show in the portal alone.')
param alertEmails string[]

@description('How many days logs are kept. The first 31 cost nothing, for telemetry the first 90.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('GB a day after which no more logs are taken until the next day; -1: no limit. Rules on logs are blind from then on, so it is a brake on a runaway and not a budget.')
@minValue(-1)
param dailyCapGb int

@description('A URL that each alert is posted to as well (common alert schema), such as that of an on-call service.')
param alertWebhook string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: 'log-belfry-${token}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    workspaceCapping: { dailyQuotaGb: dailyCapGb }
    features: {
      disableLocalAuth: true
      // whoever may read the app may read its logs, without a role on the workspace
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-belfry-${token}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    // the connection string alone sends nothing: a sender needs the role Monitoring Metrics Publisher
    DisableLocalAuth: true
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-belfry-${token}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'Belfry'
    enabled: true
    emailReceivers: [
      for (address, number) in alertEmails: {
        name: 'mail-${number}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
    webhookReceivers: empty(alertWebhook)
      ? []
      : [
          {
            name: 'webhook'
            serviceUri: alertWebhook
            useCommonAlertSchema: true
          }
        ]
  }
}

output workspaceId string = workspace.id
output workspaceName string = workspace.name
output insightsId string = insights.id
output insightsName string = insights.name
output actionGroupId string = people.id

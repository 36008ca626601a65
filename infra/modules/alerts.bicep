// Azure's own alert rules: on the app's logs, on its storage, and from outside. Each rule's query is
// a file of infra/monitoring/queries, to be pasted into the workspace's Logs as it is.
// docs/monitoring.md says of each what it means and what to do.

@description('The part of names that tells deployments apart.')
param token string

param location string
param tags object
param workspaceId string
param insightsId string
param insightsName string
param actionGroupId string

@description('The function app, as people are told of it.')
param appName string

@description('The host name that the app is reached by from outside, without https://.')
param appHost string

@description('The storage account with the app\'s tables and queues.')
param hostStorageId string

@description('Whether Azure asks /ops/uptime from outside. Only false if the app cannot be reached from the internet.')
param probeFromOutside bool = true

@description('Where it asks from; "population tag" in Microsoft\'s list. Each asks every 5 minutes.')
param probeLocations string[] = [
  'emea-nl-ams-azr'
  'emea-gb-db3-azr'
  'emea-se-sto-edge'
  'us-va-ash-azr'
  'apac-sg-sin-azr'
]

@description('From how many locations it must fail within 5 minutes. Fewer may be the network there.')
param probeFailures int = 3

@description('Percent of the jobs that ended within an hour that may fail (O11).')
param failurePercent int = 5

@description('Percent of the requests within 15 minutes that may be answered 5xx.')
param errorPercent int = 5

@description('Milliseconds that 95 of 100 requests may take, within 15 minutes.')
param slowMilliseconds int = 3000

@description('How often within 15 minutes the storage may fail to answer. Single failures are tried again.')
param storageFailures int = 10

@description('How many invocations of timers and queues may fail within 15 minutes.')
param invocationFailures int = 5

@description('GB of logs a day that are no surprise.')
param logGigabytes int = 1

// How often a rule looks, and how far back. The window is longer than the interval, because logs
// arrive up to some minutes late: what came late is seen by the next look. A rule costs more the
// more often it looks, so only what cannot wait looks every 5 minutes.
var soon = { every: 'PT5M', window: 'PT15M' }
var later = { every: 'PT15M', window: 'PT30M' }
var hour = { every: 'PT15M', window: 'PT1H' }
var day = { every: 'PT1H', window: 'P1D' }

// 0: nothing runs. 1: look now, also at night. 2: during the day. 3: good to know.
// A rule counts the rows of its query, or compares the number in the column `measure`; with
// `by`, each value of that column is an alert of its own.
var rules = [
  {
    name: 'tick-stopped'
    title: 'No clock ticks'
    severity: 0
    time: soon
    query: loadTextContent('../monitoring/queries/tick-stopped.kql')
    operator: 'LessThan' // the dead-man's switch: no row at all fires
    threshold: 1
  }
  {
    name: 'app-not-started'
    title: 'The host found no function'
    severity: 0
    time: soon
    query: loadTextContent('../monitoring/queries/app-not-started.kql')
  }
  {
    name: 'clock-silent'
    title: 'A clock is silent'
    severity: 1
    time: soon
    query: loadTextContent('../monitoring/queries/clock-silent.kql')
    by: 'Clock'
  }
  {
    name: 'storage-away'
    title: 'Storage does not answer'
    severity: 1
    time: soon
    query: loadTextContent('../monitoring/queries/storage-away.kql')
    threshold: storageFailures
  }
  {
    name: 'people-not-told'
    title: 'Belfry cannot tell people'
    severity: 1
    time: soon
    query: loadTextContent('../monitoring/queries/people-not-told.kql')
    by: 'What'
  }
  {
    name: 'told-critical'
    title: 'Critical alert of Belfry'
    severity: 1
    time: soon
    query: loadTextContent('../monitoring/queries/told-critical.kql')
    by: 'Kind'
  }
  {
    name: 'spend-exceeded'
    title: 'A day cost too much'
    severity: 1
    time: soon
    query: loadTextContent('../monitoring/queries/spend-exceeded.kql')
    by: 'What'
  }
  {
    name: 'backup-too-old'
    title: 'A backup is too old'
    severity: 1
    time: later // Belfry says so every five minutes as long as it is so
    query: loadTextContent('../monitoring/queries/backup-too-old.kql')
    by: 'Source'
  }
  {
    name: 'backup-damaged'
    title: 'A backup cannot be trusted'
    severity: 1
    time: later
    query: loadTextContent('../monitoring/queries/backup-damaged.kql')
    by: 'What'
  }
  {
    name: 'occurrences-unexplained'
    title: 'Runs are missing without a reason'
    severity: 1
    time: later
    query: loadTextContent('../monitoring/queries/occurrences-unexplained.kql')
  }
  {
    name: 'messages-poisoned'
    title: 'A queue gave messages up'
    severity: 2
    time: later
    query: loadTextContent('../monitoring/queries/messages-poisoned.kql')
  }
  {
    name: 'failure-rate'
    title: 'Too many jobs fail'
    severity: 2
    time: hour
    query: loadTextContent('../monitoring/queries/failure-rate.kql')
    measure: 'FailedPercent'
    threshold: failurePercent
  }
  {
    name: 'approvals-waiting'
    title: 'Approvals wait'
    severity: 2
    time: later
    query: loadTextContent('../monitoring/queries/approvals-waiting.kql')
    by: 'Kind'
  }
  {
    name: 'told-warning'
    title: 'Alert of Belfry'
    severity: 2
    time: later
    query: loadTextContent('../monitoring/queries/told-warning.kql')
    by: 'Kind'
  }
  {
    name: 'server-errors'
    title: 'Requests fail'
    severity: 2
    time: later
    query: loadTextContent('../monitoring/queries/server-errors.kql')
    measure: 'ErrorPercent'
    threshold: errorPercent
  }
  {
    name: 'invocations-failed'
    title: 'Invocations fail'
    severity: 2
    time: later
    query: loadTextContent('../monitoring/queries/invocations-failed.kql')
    threshold: invocationFailures
  }
  {
    name: 'log-cap-reached'
    title: 'No more logs are taken today'
    severity: 1
    time: later
    query: loadTextContent('../monitoring/queries/log-cap-reached.kql')
  }
  {
    name: 'slow-requests'
    title: 'Requests are slow'
    severity: 3
    time: later
    query: loadTextContent('../monitoring/queries/slow-requests.kql')
    measure: 'P95Ms'
    threshold: slowMilliseconds
  }
  {
    name: 'dead-letters'
    title: 'A job failed for good'
    severity: 3
    time: later
    query: loadTextContent('../monitoring/queries/dead-letters.kql')
  }
  {
    name: 'log-volume'
    title: 'Logs cost more than usual'
    severity: 3
    time: day
    query: loadTextContent('../monitoring/queries/log-volume.kql')
    measure: 'Gigabytes'
    threshold: logGigabytes
  }
]

resource onLogs 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'alert-${rule.name}-${token}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Belfry: ${rule.title}'
      description: '${rule.title} (${appName}). docs/monitoring.md#${rule.name} says what to do.'
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: rule.time.every
      windowSize: rule.time.window
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: contains(rule, 'measure') ? 'Maximum' : 'Count'
            metricMeasureColumn: rule.?measure
            operator: rule.?operator ?? 'GreaterThan'
            threshold: rule.?threshold ?? 0
            dimensions: contains(rule, 'by') ? [{ name: rule.?by!, operator: 'Include', values: ['*'] }] : []
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [actionGroupId] }
      // told once when it begins and once when it is over, and not at each look
      autoMitigate: true
      // the tables are made with their first row, so they are missing at the first deployment
      skipQueryValidation: true
    }
  }
]

// The platform's own figure: it shares nothing with the app's logs.
resource storage 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-storage-availability-${token}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Belfry: storage answers less than 99 of 100 requests (${appName}). docs/monitoring.md#storage-availability says what to do.'
    severity: 1
    enabled: true
    scopes: [hostStorageId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'availability'
          metricNamespace: 'Microsoft.Storage/storageAccounts'
          metricName: 'Availability'
          timeAggregation: 'Average'
          operator: 'LessThan'
          threshold: 99
        }
      ]
    }
    actions: [{ actionGroupId: actionGroupId }]
  }
}

// The tag by which Application Insights finds its tests.
var linked = union(tags, { 'hidden-link:${insightsId}': 'Resource' })

// A watcher outside. Its requests also tick, if no clock does.
resource probe 'Microsoft.Insights/webtests@2022-06-15' = if (probeFromOutside) {
  name: 'probe-${insightsName}'
  location: location
  tags: linked
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'probe-${insightsName}'
    Name: 'Belfry is up'
    Description: 'Asks /ops/uptime, which needs no key: whether a clock has ticked within three minutes.'
    Enabled: true
    Frequency: 300
    Timeout: 60 // an instance may have to start first
    Kind: 'standard'
    RetryEnabled: true
    Locations: [for id in probeLocations: { Id: id }]
    Request: {
      RequestUrl: 'https://${appHost}/ops/uptime'
      HttpVerb: 'GET'
      ParseDependentRequests: false
      FollowRedirects: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      // an app whose clocks stopped answers 200 as well, with "late"
      ContentValidation: { ContentMatch: '"status":"up"', IgnoreCase: false, PassIfTextFound: true }
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 7
    }
  }
}

resource notUp 'Microsoft.Insights/metricAlerts@2018-03-01' = if (probeFromOutside) {
  name: 'alert-not-up-${token}'
  location: 'global'
  // both links, or the portal does not show the alert beside its test
  tags: union(linked, { 'hidden-link:${probe.id}': 'Resource' })
  properties: {
    description: 'Belfry: not up, seen from ${probeFailures} places outside (${appName}). docs/monitoring.md#not-up says what to do.'
    severity: 0
    enabled: true
    scopes: [probe.id, insightsId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: probe.id
      componentId: insightsId
      failedLocationCount: probeFailures
    }
    actions: [{ actionGroupId: actionGroupId }]
  }
}

// Everything that Belfry needs in Azure. docs/deploy.md says how it is deployed, and what each choice costs or rules out.
targetScope = 'subscription'

import { alwaysReadyInstances, appSettings } from 'modules/settings.bicep'

// --- which deployment this is ---

@description('Name of the environment, such as production. The resource group is rg-NAME.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('The region.')
@minLength(1)
@metadata({ azd: { type: 'location' } })
param location string

@description('Object id in Entra of who puts secrets into the vault and makes keys of Belfry; empty for nobody.')
param operatorId string = ''
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string = 'User'
@description('Name of the same in Entra (of a person, what they sign in with), if they may also sign in to the database.')
param operatorName string = ''

// --- the app ---

@description('Settings of docs/settings.md that are no secrets.')
param settings appSettings = {}

@description('Names of secret settings whose values are in the vault: SENDGRID_API_KEY is its secret sendgrid-api-key.')
param secrets string[] = []

@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances that each function, or group of functions, gets.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances that are always there, of http or of function:NAME.')
param alwaysReady alwaysReadyInstances[] = []

@description('Requests that one instance answers at a time; 0: what the platform takes, which is 1 for Python.')
@minValue(0)
@maxValue(1000)
param httpConcurrency int = 16

@description('Whether instances are spread over the zones of the region. It cannot change later.')
param zoneRedundant bool = false

@description('apply gives the app a role by which it changes its own always-ready and maximum instances.')
@allowed(['off', 'recommend', 'apply'])
param scaling string = 'recommend'

@description('Application (client) id of the registration by which people sign in with Entra; empty: they do not.')
param signInClientId string = ''

// --- storage and backups ---

@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param hostRedundancy string = 'Standard_ZRS'
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param backupRedundancy string = 'Standard_ZRS'

@description('A second region, to which Belfry copies each backup; empty: none.')
param offsiteLocation string = ''

@description('Days for which what was deleted in a backup account can be brought back.')
@minValue(7)
@maxValue(365)
param backupSoftDeleteDays int = 30
@minValue(1)
param backupOldVersionDays int = 30
@minValue(1)
param backupCoolAfterDays int = 45
@minValue(1)
param backupColdAfterDays int = 120

@description('Days for which nobody can change or delete a backup; 0: not immutable. Decide before the first deployment.')
@minValue(0)
@maxValue(146000)
param backupImmutableDays int = 0
@description('true once a person has locked the policy.')
param backupImmutabilityLocked bool = false
@description('Whether the backup accounts have a lock against deletion.')
param backupLock bool = false

// --- the company's database ---

@description('Whether there is a PostgreSQL server of this deployment.')
param postgres bool = false
param postgresSku string = 'Standard_B1ms'
@allowed(['Burstable', 'GeneralPurpose', 'MemoryOptimized'])
param postgresTier string = 'Burstable'
@allowed([32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767])
param postgresStorageGb int = 32
@allowed(['16', '17', '18'])
param postgresVersion string = '17'
@minValue(7)
@maxValue(35)
param postgresBackupDays int = 14
param postgresDatabase string = 'company'

// --- network ---

@description('Whether everything but the app itself is reached through a virtual network alone.')
param privateNetwork bool = false

@description('IPv4 addresses, or ranges up to /30, from which storage and vault can be reached beside it.')
param allowedAddresses string[] = []

// --- watching, and what it may cost ---

@description('Who gets the alerts of Azure, and of the budget.')
param alertEmails string[] = []
@description('A URL to which each alert of Azure is posted too, such as that of an on-call service; empty: none.')
param alertWebhook string = ''
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30
@minValue(1)
param logDailyCapGb int = 1
@description('Whether the lines of the host also go to the workspace directly: twice the price of logs.')
param hostLogs bool = false

@description('What the resource group may cost a month, in the currency of the bill; 0: no budget.')
@minValue(0)
param budgetAmount int = 0
@description('First day of the month in which the budget is made, as 2030-01-01T00:00:00Z.')
param budgetStart string = ''

var token = uniqueString(subscription().id, environmentName, location)
var tags = { 'azd-env-name': environmentName }
var appName = 'func-belfry-${token}'
var backupContainer = settings.?BACKUP_CONTAINER ?? 'backups'
var offsiteContainer = settings.?BACKUP_OFFSITE_CONTAINER ?? backupContainer
var offsite = !empty(offsiteLocation)
var zones = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  vault: 'privatelink.vaultcore.azure.net'
  postgres: 'privatelink.postgres.database.azure.com'
}

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    alertEmails: alertEmails
    alertWebhook: alertWebhook
    retentionDays: logRetentionDays
    dailyCapGb: logDailyCapGb
  }
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { token: token, location: location, tags: tags }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    zones: concat([zones.blob, zones.queue, zones.table, zones.vault], postgres ? [zones.postgres] : [])
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    redundancy: hostRedundancy
    privateNetwork: privateNetwork
    allowedAddresses: allowedAddresses
    workspaceId: monitoring.outputs.workspaceId
  }
}

module backups 'modules/backups.bicep' = {
  name: 'backups'
  scope: group
  params: {
    name: 'stbackup${token}'
    location: location
    tags: tags
    redundancy: backupRedundancy
    containerName: backupContainer
    privateNetwork: privateNetwork
    allowedAddresses: allowedAddresses
    workspaceId: monitoring.outputs.workspaceId
    softDeleteDays: backupSoftDeleteDays
    oldVersionDays: backupOldVersionDays
    coolAfterDays: backupCoolAfterDays
    coldAfterDays: backupColdAfterDays
    immutableDays: backupImmutableDays
    immutabilityLocked: backupImmutabilityLocked
    lockAccount: backupLock
  }
}

module offsiteBackups 'modules/backups.bicep' = if (offsite) {
  name: 'offsite'
  scope: group
  params: {
    name: 'stoffsite${token}'
    location: offsiteLocation
    tags: tags
    redundancy: 'Standard_LRS'
    containerName: offsiteContainer
    privateNetwork: privateNetwork
    allowedAddresses: allowedAddresses
    workspaceId: monitoring.outputs.workspaceId
    softDeleteDays: backupSoftDeleteDays
    oldVersionDays: backupOldVersionDays
    coolAfterDays: backupCoolAfterDays
    coldAfterDays: backupColdAfterDays
    immutableDays: backupImmutableDays
    immutabilityLocked: backupImmutabilityLocked
    lockAccount: backupLock
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-belfry-${token}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    allowedAddresses: allowedAddresses
    workspaceId: monitoring.outputs.workspaceId
    softDeleteDays: 30
  }
}

// Apart from the settings, so that the app may write here, and only read there.
module tenantsVault 'modules/vault.bicep' = {
  name: 'tenantsVault'
  scope: group
  params: {
    name: 'kv-tenants-${token}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    allowedAddresses: allowedAddresses
    workspaceId: monitoring.outputs.workspaceId
    softDeleteDays: 7
  }
}

module server 'modules/postgres.bicep' = if (postgres) {
  name: 'server'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
    skuName: postgresSku
    skuTier: postgresTier
    storageGb: postgresStorageGb
    version: postgresVersion
    backupDays: postgresBackupDays
  }
}

module database 'modules/database.bicep' = if (postgres) {
  name: 'database'
  scope: group
  params: {
    serverName: postgres ? server!.outputs.name : ''
    databaseName: postgresDatabase
    identityName: identity.outputs.name
    identityPrincipalId: identity.outputs.principalId
    operatorId: operatorId
    operatorType: operatorType
    operatorName: operatorName
  }
  // For a while after it was made, a server takes no administrators; its endpoint takes as long.
  dependsOn: [endpoints]
}

module endpoints 'modules/endpoints.bicep' = if (privateNetwork) {
  name: 'endpoints'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    subnetId: privateNetwork ? network!.outputs.endpointSubnetId : ''
    connections: concat(
      [
        { name: 'blob', resourceId: storage.outputs.id, groupId: 'blob', zone: zones.blob }
        { name: 'queue', resourceId: storage.outputs.id, groupId: 'queue', zone: zones.queue }
        { name: 'table', resourceId: storage.outputs.id, groupId: 'table', zone: zones.table }
        { name: 'backups', resourceId: backups.outputs.id, groupId: 'blob', zone: zones.blob }
        { name: 'vault', resourceId: vault.outputs.id, groupId: 'vault', zone: zones.vault }
        { name: 'tenants', resourceId: tenantsVault.outputs.id, groupId: 'vault', zone: zones.vault }
      ],
      offsite ? [{ name: 'offsite', resourceId: offsiteBackups!.outputs.id, groupId: 'blob', zone: zones.blob }] : [],
      postgres ? [{ name: 'postgres', resourceId: server!.outputs.id, groupId: 'postgresqlServer', zone: zones.postgres }] : []
    )
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    hostStorageName: storage.outputs.name
    backupStorageName: backups.outputs.name
    offsiteStorageName: offsite ? offsiteBackups!.outputs.name : ''
    vaultName: vault.outputs.name
    tenantsVaultName: tenantsVault.outputs.name
    insightsName: monitoring.outputs.insightsName
    principalId: identity.outputs.principalId
    operatorId: operatorId
    operatorType: operatorType
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    serviceName: 'belfry'
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: storage.outputs.name
    packagesUrl: storage.outputs.packagesUrl
    backupStorageName: backups.outputs.name
    offsiteStorageName: offsite ? offsiteBackups!.outputs.name : ''
    vaultName: vault.outputs.name
    tenantsVaultUrl: tenantsVault.outputs.uri
    insightsName: monitoring.outputs.insightsName
    workspaceId: monitoring.outputs.workspaceId
    settings: settings
    secrets: secrets
    databaseUrl: postgres ? database!.outputs.url : ''
    scaling: scaling
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReady: alwaysReady
    httpConcurrency: httpConcurrency
    zoneRedundant: zoneRedundant
    subnetId: privateNetwork ? network!.outputs.appSubnetId : ''
    signInClientId: signInClientId
    hostLogs: hostLogs
  }
  // The host reads its storage, and the vault, as soon as it starts.
  dependsOn: [roles, endpoints]
}

module scalingRole 'modules/scaling.bicep' = if (scaling == 'apply') {
  name: 'scaling'
  scope: group
  params: {
    token: token
    appName: app.outputs.name
    principalId: identity.outputs.principalId
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    insightsId: monitoring.outputs.insightsId
    insightsName: monitoring.outputs.insightsName
    actionGroupId: monitoring.outputs.actionGroupId
    appName: app.outputs.name
    appHost: app.outputs.host
    hostStorageId: storage.outputs.id
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module budget 'modules/budget.bicep' = if (budgetAmount > 0) {
  name: 'budget'
  scope: group
  params: {
    amount: budgetAmount
    startDate: budgetStart
    emails: alertEmails
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_FUNCTION_NAME string = app.outputs.name
output BELFRY_URL string = 'https://${app.outputs.host}'
output BELFRY_IDENTITY_NAME string = identity.outputs.name
output BELFRY_STORAGE_NAME string = storage.outputs.name
output BELFRY_BACKUP_STORAGE_NAME string = backups.outputs.name
output BELFRY_OFFSITE_STORAGE_NAME string = offsite ? offsiteBackups!.outputs.name : ''
output BELFRY_VAULT_NAME string = vault.outputs.name
output BELFRY_POSTGRES_NAME string = postgres ? server!.outputs.name : ''
output BELFRY_OUTBOUND_ADDRESS string = privateNetwork ? network!.outputs.outboundAddress : ''
output BELFRY_FUNCTION_KEY_COMMAND string = 'az functionapp keys list --resource-group rg-${environmentName} --name ${appName} --query functionKeys.default --output tsv'

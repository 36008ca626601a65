metadata description = 'Every role that somebody has. They are there before the app starts (checks/infra/roles.py says who needs each).'

param hostStorageName string
param backupStorageName string

@description('The account in the second region; empty if there is none.')
param offsiteStorageName string
param vaultName string

@description('The vault with the secrets of customers.')
param tenantsVaultName string
param insightsName string

@description('The app\'s identity.')
param principalId string

@description('Who puts secrets into the vault and makes keys of Belfry; empty for nobody.')
param operatorId string
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string

var role = {
  storageBlobDataOwner: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b')
  storageBlobDataContributor: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')
  storageQueueDataContributor: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '974c5e8b-45b9-4653-ba55-5f855dd0fb88')
  storageTableDataContributor: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3')
  keyVaultSecretsUser: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')
  keyVaultSecretsOfficer: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7')
  monitoringMetricsPublisher: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '3913510d-42f4-4e42-8a64-420c390055eb')
}

resource host 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostStorageName
}

resource backups 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: backupStorageName
}

resource offsite 'Microsoft.Storage/storageAccounts@2025-01-01' existing = if (!empty(offsiteStorageName)) {
  name: empty(offsiteStorageName) ? 'none' : offsiteStorageName // Azure reads it even if there is none
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource tenantsVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: tenantsVaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource hostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, principalId, role.storageBlobDataOwner)
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.storageBlobDataOwner
  }
}

resource hostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, principalId, role.storageQueueDataContributor)
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.storageQueueDataContributor
  }
}

resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, principalId, role.storageTableDataContributor)
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.storageTableDataContributor
  }
}

resource backupBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(backups.id, principalId, role.storageBlobDataContributor)
  scope: backups
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.storageBlobDataContributor
  }
}

resource offsiteBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(offsiteStorageName)) {
  name: guid(offsite.id, principalId, role.storageBlobDataContributor)
  scope: offsite
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.storageBlobDataContributor
  }
}

resource vaultSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, role.keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.keyVaultSecretsUser
  }
}

resource tenantSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(tenantsVault.id, principalId, role.keyVaultSecretsOfficer)
  scope: tenantsVault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.keyVaultSecretsOfficer
  }
}

resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId, role.monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.monitoringMetricsPublisher
  }
}

resource operatorTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorId)) {
  name: guid(host.id, operatorId, role.storageTableDataContributor)
  scope: host
  properties: {
    principalId: operatorId
    principalType: operatorType
    roleDefinitionId: role.storageTableDataContributor
  }
}

resource operatorSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorId)) {
  name: guid(vault.id, operatorId, role.keyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: operatorId
    principalType: operatorType
    roleDefinitionId: role.keyVaultSecretsOfficer
  }
}

metadata description = 'An account for backups alone: what is deleted in it can be brought back.'

@maxLength(24)
param name string
param location string
param tags object
param redundancy string
param containerName string
param privateNetwork bool
param allowedAddresses string[]
param workspaceId string

@description('Days for which a deleted blob, version or container can be brought back.')
@minValue(7)
@maxValue(365)
param softDeleteDays int

@description('Old versions are removed so many days after they were written.')
@minValue(1)
param oldVersionDays int

@description('Days after which backups move to the tier Cool, and to Cold.')
@minValue(1)
param coolAfterDays int
@minValue(1)
param coldAfterDays int

@description('Days for which nobody can change or delete a backup; 0: not immutable.')
@minValue(0)
@maxValue(146000)
param immutableDays int

@description('true once a person has locked the policy: Azure refuses to write a locked one again.')
param immutabilityLocked bool

param lockAccount bool

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateNetwork && empty(allowedAddresses) ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
      ipRules: [for address in allowedAddresses: { value: address, action: 'Allow' }]
      virtualNetworkRules: []
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: containerName
  properties: {
    publicAccess: 'None'
    immutableStorageWithVersioning: immutableDays > 0 ? { enabled: true } : null
  }
}

// Unlocked: locking is for a person, since nobody can take it back (docs/deploy.md).
resource immutability 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-01-01' = if (immutableDays > 0 && !immutabilityLocked) {
  parent: container
  name: 'default'
  properties: { immutabilityPeriodSinceCreationInDays: immutableDays }
}

// Belfry deletes backups itself, by each plan's retention; here they only move to cheaper tiers.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'tiers'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['${containerName}/'] }
            actions: {
              baseBlob: {
                tierToCool: { daysAfterModificationGreaterThan: coolAfterDays }
                tierToCold: { daysAfterModificationGreaterThan: coldAfterDays }
              }
            }
          }
        }
        {
          name: 'old-versions'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['${containerName}/'] }
            actions: { version: { delete: { daysAfterCreationGreaterThan: oldVersionDays } } }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (lockAccount) {
  name: 'backups'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'The company\'s backups. Remove this lock before you delete the account.'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'belfry'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageRead', enabled: true }
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

output id string = account.id
output name string = account.name

metadata description = 'A PostgreSQL server without passwords: the app\'s identity signs in by Entra.'

param token string
param location string
param tags object
param workspaceId string
param privateNetwork bool

@description('A database sku, such as Standard_B1ms, and its tier.')
param skuName string
@allowed(['Burstable', 'GeneralPurpose', 'MemoryOptimized'])
param skuTier string
@minValue(32)
param storageGb int
@allowed(['16', '17', '18'])
param version string
@minValue(7)
@maxValue(35)
param backupDays int
param databaseName string

@description('The app\'s identity: its name is the name of its role in the database.')
param identityName string
param identityPrincipalId string

@description('Who may sign in beside it, to bring the tables up to date; empty for nobody.')
param operatorId string
param operatorType string
param operatorName string

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: 'psql-belfry-${token}'
  location: location
  tags: tags
  sku: { name: skuName, tier: skuTier }
  properties: {
    version: version
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: tenant().tenantId
    }
    storage: { storageSizeGB: storageGb, autoGrow: 'Enabled' }
    backup: { backupRetentionDays: backupDays, geoRedundantBackup: 'Disabled' }
    highAvailability: { mode: 'Disabled' }
    network: { publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled' }
  }
}

// Administrators, the database and the firewall each change the server: one after the other.
resource app 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = {
  parent: server
  name: identityPrincipalId
  properties: {
    principalName: identityName
    principalType: 'ServicePrincipal'
    tenantId: tenant().tenantId
  }
}

resource person 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = if (!empty(operatorId) && !empty(operatorName)) {
  parent: server
  name: empty(operatorId) ? 'none' : operatorId // Azure reads it even if there is nobody
  properties: {
    principalName: operatorName
    principalType: operatorType
    tenantId: tenant().tenantId
  }
  dependsOn: [app]
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: server
  name: databaseName
  properties: { charset: 'UTF8', collation: 'en_US.utf8' }
  dependsOn: [app, person]
}

// Without a network of one's own, an app on Flex Consumption has no address that could be named.
resource azure 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2025-08-01' = if (!privateNetwork) {
  parent: server
  name: 'azure'
  properties: { startIpAddress: '0.0.0.0', endIpAddress: '0.0.0.0' }
  dependsOn: [database]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'belfry'
  scope: server
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'PostgreSQLLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = server.id
output name string = server.name
output url string = 'postgresql://${identityName}@${server.properties.fullyQualifiedDomainName}:5432/${database.name}?sslmode=require'

metadata description = 'Who may sign in to the PostgreSQL server, by Entra; and the database.'

param serverName string
param databaseName string

@description('The app\'s identity: its name is the name of its role in the database.')
param identityName string
param identityPrincipalId string

@description('Who may sign in beside it, to bring the tables up to date; empty for nobody.')
param operatorId string
param operatorType string
param operatorName string

var person = !empty(operatorId) && !empty(operatorName)

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' existing = {
  name: serverName
}

// One after the other, since each changes the server. The database is made while there is one
// administrator, whom it then belongs to: only its owner may make tables in it.
resource owner 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = {
  parent: server
  name: person ? operatorId : identityPrincipalId
  properties: {
    principalName: person ? operatorName : identityName
    principalType: person ? operatorType : 'ServicePrincipal'
    tenantId: tenant().tenantId
  }
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: server
  name: databaseName
  properties: { charset: 'UTF8', collation: 'en_US.utf8' }
  dependsOn: [owner]
}

resource app 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = if (person) {
  parent: server
  name: identityPrincipalId
  properties: {
    principalName: identityName
    principalType: 'ServicePrincipal'
    tenantId: tenant().tenantId
  }
  dependsOn: [database]
}

output url string = 'postgresql://${identityName}@${server.properties.fullyQualifiedDomainName}:5432/${database.name}?sslmode=require'

metadata description = 'What the task that scales the app may do: read and change this one site.'

param token string
param appName string

@description('The app\'s identity.')
param principalId string

var group = resourceGroup().id

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(group, 'belfry-scaling')
  properties: {
    roleName: 'Belfry scaling ${token}'
    description: 'Reads and writes a function app, to change its always-ready and maximum instances.'
    type: 'CustomRole'
    permissions: [
      {
        actions: ['Microsoft.Web/sites/read', 'Microsoft.Web/sites/write']
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [group]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(app.id, principalId, role.id)
  scope: app
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.id
  }
}

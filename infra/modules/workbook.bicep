// Belfry at a glance: a workbook of the Log Analytics workspace. Edit it in the portal, then put
// what "Advanced Editor" shows into infra/monitoring/workbook.json.

@description('The part of names that tells deployments apart.')
param token string

param location string
param tags object
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'belfry', token) // must be a GUID, and the same each time
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Belfry'
    category: 'workbook'
    sourceId: toLower(workspaceId)
    serializedData: replace(loadTextContent('../monitoring/workbook.json'), 'WORKSPACE_ID', workspaceId)
  }
}

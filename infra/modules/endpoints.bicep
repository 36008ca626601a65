metadata description = 'Private endpoints, each with its record in the private DNS zone.'

@description('A service that is reached privately: groupId as Private Link calls it, zone by name.')
type connection = {
  name: string
  resourceId: string
  groupId: string
  zone: string
}

param token string
param location string
param tags object
param subnetId string
param connections connection[]

// One after the other: each changes the subnet, and its account, which take one change at a time.
@batchSize(1)
resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for one in connections: {
    name: 'pe-${one.name}-${token}'
    location: location
    tags: tags
    properties: {
      subnet: { id: subnetId }
      privateLinkServiceConnections: [
        {
          name: one.name
          properties: { privateLinkServiceId: one.resourceId, groupIds: [one.groupId] }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (one, i) in connections: {
    parent: endpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: one.groupId
          properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', one.zone) }
        }
      ]
    }
  }
]

targetScope = 'subscription'

metadata description = 'A small deployment with every kind of statement and expression.'

import { appSettings, sizes as planSizes } from 'modules/shared.bicep'
import * as shared from './modules/shared.bicep'

@minLength(1)
@maxLength(64)
@description('Name of the environment.')
param environmentName string

@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@allowed([512, 2048, 4096])
param memoryMb int = 2048

@minValue(1)
@maxValue(1000)
param instances int = 40

param settings appSettings = {}
param emails string[] = []
param database bool = false
param size planSizes = 'small'
param extra shared.extra?
param created string = utcNow('yyyy-MM-dd')

@secure()
param databasePassword string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
  created: created
}
var roles = {
  blobs: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  queues: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
}
var containers = union(['deployment'], database ? ['dumps'] : [])
var receivers = map(emails, (email, i) => { name: 'receiver${i}', address: email })
var first = empty(emails) ? 'nobody@example.com' : receivers[0].address
var note = '''
Nothing is ${replaced} here, and it's fine.
'''

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: take('st${token}', 24)
    location: location
    tags: union(tags, { note: note })
    containers: containers
    sku: size == 'small' ? 'Standard_LRS' : 'Standard_ZRS'
  }
}

module app 'modules/app.bicep' = {
  scope: group
  params: {
    name: shared.named('func', token)
    location: location
    tags: { ...tags, 'azd-service-name': 'belfry' }
    settings: { ...settings, BACKUP_DESTINATION: storage.outputs.blobEndpoint }
    memoryMb: memoryMb
    instances: instances
    storageName: storage.outputs.name
    roles: map(items(roles), role => role.value)
    owner: extra.?owner ?? first
    alwaysReady: [
      { name: 'http', instanceCount: 1 }
    ]
  }
}

module data 'modules/data.bicep' = if (database) {
  scope: resourceGroup(group.name)
  params: {
    name: 'psql-${token}'
    location: location
    password: databasePassword
  }
}

output APP_NAME string = app.outputs.name
output CONTAINERS string[] = [for container in containers: '${storage.outputs.blobEndpoint}${container}']
output DATABASE_HOST string = database ? data!.outputs.host : ''
output DATABASE_ID string? = data.?outputs.id

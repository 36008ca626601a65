metadata description = 'The plan (Flex Consumption) and the function app.'

import { alwaysReadyInstances, appSettings } from 'settings.bicep'

param token string
param location string
param tags object

@description('The service of azure.yaml that is deployed here.')
param serviceName string

param identityId string
param identityClientId string
param hostStorageName string

@description('URL of the container that the package goes to.')
param packagesUrl string
param backupStorageName string
param offsiteStorageName string
param vaultName string

@description('URL of the vault with the secrets of customers.')
param tenantsVaultUrl string
param insightsName string
param workspaceId string

param settings appSettings

@description('Names of settings whose values are secrets of the vault.')
param secrets string[]

@description('URL of the PostgreSQL database of this deployment; empty if there is none.')
param databaseUrl string

param scaling string

@allowed([512, 2048, 4096])
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReady alwaysReadyInstances[]

@description('Requests that one instance answers at a time; 0: what the platform takes, which is 1 for Python.')
param httpConcurrency int
param zoneRedundant bool

@description('The app\'s subnet; empty without a network.')
param subnetId string

@description('Application (client) id of the registration by which people sign in; empty: they do not.')
param signInClientId string

@description('Whether the host\'s log lines also go to the workspace directly: twice the price.')
param hostLogs bool

var name = 'func-belfry-${token}'
var signIn = !empty(signInClientId)

// Key Vault takes letters, digits and hyphens.
var references = toObject(
  secrets,
  secret => secret,
  secret => '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=${toLower(replace(secret, '_', '-'))})'
)

var defaults = {
  PUBLIC_BASE_URL: 'https://${name}.azurewebsites.net'
}

var database = empty(databaseUrl) ? {} : {
  DATABASE_URL: databaseUrl
  POSTGRES_URL: databaseUrl
}

var offsite = empty(offsiteStorageName) ? {} : {
  BACKUP_DESTINATIONS: contains(settings, 'BACKUP_DESTINATIONS') ? '${settings.BACKUP_DESTINATIONS},offsite' : 'offsite'
  BACKUP_OFFSITE_STORAGE__accountName: offsiteStorageName
  BACKUP_OFFSITE_STORAGE__clientId: identityClientId
}

var people = signIn ? {
  ENTRA_SIGN_IN: 'true'
  ENTRA_TENANT_ID: tenant().tenantId
  // The name that App Service gives to a sign-in without a client secret.
  OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
} : {}

// What the host and the identity need. It is last, so that no setting of a person replaces it.
var fixed = {
  AzureWebJobsStorage__accountName: hostStorageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  BACKUP_STORAGE__accountName: backupStorageName
  BACKUP_STORAGE__clientId: identityClientId
  AZURE_CLIENT_ID: identityClientId
  // No key is accepted (DisableLocalAuth): this only says where telemetry goes.
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AzureWebJobsDisableHomepage: 'true'
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '2000000'
  INSTANCE_MEMORY_MB: string(instanceMemoryMB)
  MALLOC_ARENA_MAX: '2'
  PYTHON_THREADPOOL_THREAD_COUNT: '32'
  SCALING: scaling
  SCALING_SITE: resourceId('Microsoft.Web/sites', name)
  SECRETS_VAULT_URL: tenantsVaultUrl
}

var values = union(defaults, settings, database, offsite, people, references, fixed)

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-belfry-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    // Without it, the platform asks for a system-assigned identity, and the references stay as they are.
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packagesUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: '3.12' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReady
        triggers: httpConcurrency > 0 ? { http: { perInstanceConcurrency: httpConcurrency } } : null
      }
    }
    // The settings stand here, not in a resource of their own: so the app never runs without them.
    // There is no FTPS on Flex Consumption, so nothing to turn off.
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      // By map(), since a loop may not depend on what is only known while it is deployed.
      appSettings: map(items(values), one => { name: one.key, value: one.value })
    }
  }
}

resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

// Requests without a sign-in pass: scripts have keys, and the app decides (docs/access.md).
resource authentication 'Microsoft.Web/sites/config@2024-11-01' = if (signIn) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: { allowedAudiences: [signInClientId, 'api://${signInClientId}'] }
      }
    }
    login: { tokenStore: { enabled: false } }
    httpSettings: { requireHttps: true }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'belfry'
  scope: app
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: hostLogs }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = app.id
output name string = app.name
output host string = app.properties.defaultHostName

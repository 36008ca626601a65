@export()
@description('Settings of the app that stand in clear.')
type appSettings = {
  @description('Days.')
  AUDIT_DAYS: string?
  BACKUP_DESTINATION: string?
  TRACING: ('off' | 'azure' | 'console')?
  *: string
}

@export()
type sizes = 'small' | 'large'

@export()
type extra = {
  owner: string?
  limits: {
    @minValue(1)
    daily: int
    monthly: int?
  }
  also: extra[]?
}

@export()
type alwaysReady = {
  name: string
  instanceCount: int
}[]

@export()
func named(kind string, token string) string => '${kind}-belfry-${token}'

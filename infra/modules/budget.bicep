metadata description = 'A monthly budget of the resource group, with mails before it is used up.'

@minValue(1)
param amount int

@description('The first of a month, as 2030-01-01T00:00:00Z. Azure refuses a start in a past month for a new budget, and does not let it change.')
param startDate string
param emails string[]

// A notification needs somebody: without mail addresses, whoever owns the resource group.
var roles = empty(emails) ? ['Owner'] : []

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'belfry'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      half: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 50
        thresholdType: 'Actual'
        contactEmails: emails
        contactRoles: roles
      }
      nearly: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 90
        thresholdType: 'Actual'
        contactEmails: emails
        contactRoles: roles
      }
      expected: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: emails
        contactRoles: roles
      }
    }
  }
}

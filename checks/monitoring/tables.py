"""The columns of the tables that queries use, as far as they use them.

https://learn.microsoft.com/azure/azure-monitor/reference/tables-index; each table has a page there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ANY = {"TimeGenerated", "Type", "TenantId", "_BilledSize", "_IsBillable", "_ResourceId"}
_TELEMETRY = _ANY | {
    "AppRoleInstance",
    "AppRoleName",
    "AppVersion",
    "ItemCount",
    "Measurements",
    "OperationId",
    "OperationName",
    "ParentId",
    "Properties",
    "SDKVersion",
}

COLUMNS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "AppTraces": frozenset(_TELEMETRY | {"Message", "SeverityLevel"}),
        "AppRequests": frozenset(
            _TELEMETRY | {"DurationMs", "Id", "Name", "ResultCode", "Source", "Success", "Url"}
        ),
        "AppExceptions": frozenset(
            _TELEMETRY
            | {"Details", "ExceptionType", "InnermostMessage", "InnermostType", "Method"}
            | {"OuterMessage", "OuterType", "ProblemId", "SeverityLevel"}
        ),
        "AppDependencies": frozenset(
            _TELEMETRY
            | {"Data", "DependencyType", "DurationMs", "Id", "Name", "ResultCode", "Success"}
            | {"Target"}
        ),
        "AppMetrics": frozenset(_TELEMETRY | {"Max", "Min", "Name", "Sum"}),
        "AppAvailabilityResults": frozenset(
            _TELEMETRY | {"DurationMs", "Id", "Location", "Message", "Name", "Success"}
        ),
        "Usage": frozenset(
            _ANY | {"DataType", "EndTime", "IsBillable", "Quantity", "QuantityUnit", "StartTime"}
        ),
        # a view of the table Operation
        "_LogOperation": frozenset(_ANY | {"Category", "Detail", "Level", "Operation"}),
    }
)

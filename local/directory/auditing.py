"""Graph's operation on the audit log."""

from typing import Any

from local.directory import odata
from local.directory.calls import Answer, Call, collection
from local.directory.errors import premium_only

_OPERATORS = {
    "activityDateTime": frozenset({"eq", "ge", "le"}),
    "activityDisplayName": frozenset({"eq"}),
    "loggedByService": frozenset({"eq"}),
    "correlationId": frozenset({"eq"}),
    "targetResources/any/id": frozenset({"eq"}),
}


def list_audits(call: Call) -> Answer:
    """GET /auditLogs/directoryAudits with $filter, $top."""
    odata.check_options(call.query, ("$filter", "$top", "$skiptoken"))
    if not call.directory.p1:
        raise premium_only()
    entries = call.directory.audit.shown(call.directory.clock())
    if "$filter" in call.query:
        wanted = odata.parse_filter(call.query["$filter"], _OPERATORS)
        entries = [e for e in entries if wanted.test(_getter(e))]
    return collection(call, entries)


def _getter(entry: dict[str, Any]) -> odata.Getter:
    def get(name: str) -> Any:
        if name == "targetResources/any/id":
            return [target["id"] for target in entry["targetResources"]]
        return entry[name]

    return get

"""App Service's managed-identity endpoint over `ManagedIdentities`: plain HTTP on this machine, as in Azure.

`GET /msi/token?api-version=2019-08-01&resource=…&client_id=…` with the secret in X-IDENTITY-HEADER.
Faults: service "identity"; operation: msi. A stale one is a token without a role that was granted of late; the
endpoint keeps it, as Azure's does for a day, until it restarts without memory.
"""

from aiohttp import web

from local.faults import Fault, Faults
from local.http_faults import BENT, Outage, suffer
from local.identity.model import IdentityRefusal, ManagedIdentities

API_VERSION = "2019-08-01"


class ManagedIdentityWire:
    """Serves `identities` at `endpoint`; port 0 takes any free one."""

    def __init__(self, identities: ManagedIdentities, faults: Faults, *, port: int = 0) -> None:
        self.identities = identities
        self.port = port
        self._faults = faults
        self._runner: web.AppRunner | None = None
        self._outage = Outage(faults, "identity")
        faults.on_restart("identity", self._restart)

    @property
    def endpoint(self) -> str:
        """Return the value for IDENTITY_ENDPOINT."""
        return f"http://localhost:{self.port}/msi/token"

    async def start(self) -> None:
        """Listen; `port` is then the real one."""
        app = web.Application(middlewares=[self._outage.guard])
        app.router.add_get("/msi/token", self._token)
        app.router.add_route("*", "/{tail:.*}", self._unknown)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        self._outage.runner = self._runner
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and drop open connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _token(self, request: web.Request) -> web.StreamResponse:
        return await suffer(self._faults, "identity", "msi", request, act=self._issue, refusal=_fault)

    def _restart(self, fault: Fault) -> None:
        if fault.forget:
            self.identities.forget()

    async def _issue(self, request: web.Request) -> web.StreamResponse:
        stale = request.get(BENT)
        if stale is not None:
            self.identities.be_late(stale.role, stale.lasts)
        try:
            issued = self.identities.token(
                header=request.headers.get("X-IDENTITY-HEADER", ""),
                resource=_resource(request),
                client_id=request.query.get("client_id"),
                object_id=request.query.get("object_id", request.query.get("principal_id")),
            )
        except IdentityRefusal as refusal:
            return _refuse(refusal)
        return web.json_response(
            {
                "access_token": issued.access_token,
                "expires_on": str(issued.expires_on),
                "resource": issued.resource,
                "token_type": "Bearer",
                "client_id": issued.client_id,
            }
        )

    async def _unknown(self, _: web.Request) -> web.StreamResponse:
        return _refuse(IdentityRefusal(404, "There is nothing here but /msi/token."))


def _resource(request: web.Request) -> str:
    if request.query.get("api-version") != API_VERSION:
        raise IdentityRefusal(400, f"The api-version must be {API_VERSION}.")
    if "mi_res_id" in request.query:
        raise IdentityRefusal(400, "Identities are selected by client_id or principal_id here.")
    resource = request.query.get("resource")
    if not resource:
        raise IdentityRefusal(400, "The query parameter resource is required.")
    return resource


def _refuse(refusal: IdentityRefusal) -> web.Response:
    return web.json_response(
        {
            "statusCode": refusal.status,
            "message": refusal.message,
            "correlationId": refusal.correlation_id,
        },
        status=refusal.status,
    )


def _fault(status: int, retry_after: float) -> web.Response:
    response = _refuse(IdentityRefusal(status, "The service cannot answer now."))
    if retry_after:
        response.headers["Retry-After"] = f"{retry_after:g}"
    return response

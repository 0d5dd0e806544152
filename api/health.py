"""`/healthz`, `/readyz` and `/metrics`: open to whoever watches the gateway."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api import examples, metrics, problems
from api.gateway import gateway_of
from api.problems import Problem
from api.readiness import Reach

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process serves."""

    model_config = examples.shown({"status": "alive"})

    status: Literal["alive"]


class Ready(BaseModel):
    """Webhooks can be taken. PostgreSQL does not decide: webhooks do not need it."""

    model_config = examples.shown({"status": "ready", "temporal": "reachable", "postgresql": "reachable"})

    status: Literal["ready"]
    temporal: Reach
    postgresql: Reach


@router.get("/healthz", summary="Is the process alive?", responses={200: {"model": Alive}})
async def alive() -> JSONResponse:
    """Answers as long as the process serves."""
    return JSONResponse({"status": "alive"})


@router.get(
    "/readyz",
    summary="Can webhooks be taken?",
    responses={200: {"model": Ready}, **problems.declared(problems.NOT_READY)},
)
async def ready(request: Request) -> JSONResponse:
    """Whether Temporal answers and no key is known to be wrong; PostgreSQL is reported and does not decide."""
    gateway = gateway_of(request)
    temporal, postgresql = await gateway.readiness.check(gateway.temporal, gateway.ledger, gateway.steady())
    reasons = ["Temporal is out of reach"] if temporal == "unreachable" else []
    if gateway.keys.misfit is not None:
        reasons.append("the encryption keys do not fit the database; the log says more")
    if reasons:
        reached = {"temporal": temporal, "postgresql": postgresql}
        raise Problem(problems.NOT_READY, "; ".join(reasons), headers={"Retry-After": "5"}, **reached)
    return JSONResponse({"status": "ready", "temporal": temporal, "postgresql": postgresql})


@router.get(
    "/metrics",
    summary="Counters and gauges for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text"}},
)
async def prometheus(request: Request) -> Response:
    """Everything counted since the start, and the fleet as it was within the last seconds."""
    gateway = gateway_of(request)
    seen = await gateway.fleet.look(gateway.temporal, gateway.ledger, gateway.steady())
    return Response(gateway.metrics.text(seen), headers={"Content-Type": metrics.MEDIA_TYPE})

"""The service: `POST /predict`, `GET /schema` and `GET /health`, every answer in JSON.

An error is an object with one line, `{"error": "..."}`: status 400 for a body that is not whole,
404 and 405 for what there is not, 408 for one that comes too slowly, 413 for one that is too large,
415 for one of another kind, 422 for values that do not fit the network.
"""

import dataclasses
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import jax
import uvicorn
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from jaxmlp import __version__
from jaxmlp.config.factory import arithmetic
from jaxmlp.data.column import Column
from jaxmlp.data.columns import Columns
from jaxmlp.errors import InputError
from jaxmlp.runs.answers import Answers
from jaxmlp.serve.bodies import (
    JSON,
    PICTURES,
    Examples,
    Limits,
    Refused,
    examples_from_json,
    examples_from_pictures,
    kind_of,
    parts_of,
    read_body,
    takes_pictures,
)

if TYPE_CHECKING:
    from jaxmlp.runs.network import Network

WORKERS = 2  # requests that are computed at the same time
CONNECTIONS = 900  # at the same time; more are refused at once
IDLE = 30  # seconds until a connection without a request is closed
LEAVE = 5  # seconds at the end, for the requests that have begun


def make_app(network: "Network", limits: Limits, name: str) -> Starlette:
    """The service of a network.

    Args:
      network: the network.
      limits: what a request may take.
      name: of its run.

    Returns:
      An application of ASGI.
    """
    with arithmetic(network.recipe.precision):  # once, not in every request
        network = dataclasses.replace(network, params=jax.device_put(network.params))
    workers = anyio.CapacityLimiter(WORKERS)
    schema = schema_of(network, limits)

    async def predict(request: Request) -> Response:
        kind = kind_of(request.headers, network)
        try:
            with anyio.fail_after(limits.seconds):
                body = await read_body(request.stream(), request.headers, limits)
        except TimeoutError:
            raise Refused(408, f"the body must come within {limits.seconds:g} seconds") from None
        if kind == JSON:
            read = partial(examples_from_json, network, body, limits)
        else:
            pictures = await parts_of(body, request.headers, limits)
            read = partial(examples_from_pictures, network, pictures)
        with anyio.fail_after(limits.seconds):
            content = await run_sync(
                _answers, network, read, limiter=workers, abandon_on_cancel=True
            )
        return Response(content, media_type=JSON)

    async def show_schema(request: Request) -> Response:
        return in_json(schema)

    async def show_health(request: Request) -> Response:
        return in_json({"status": "ok", "run": name, "version": __version__})

    routes = [
        Route("/predict", predict, methods=["POST"]),
        Route("/schema", show_schema),
        Route("/health", show_health),
    ]
    return Starlette(routes=routes, exception_handlers=HANDLERS)


def serve_until(ended: Callable[[], bool], app: Starlette, listener: socket.socket) -> None:
    """Serve, and end after the requests that have begun.

    Args:
      ended: `() -> bool`, whether to end; it is asked ten times a second.
      app: the application.
      listener: where requests come in.
    """

    class Server(uvicorn.Server):
        """A server that leaves signals to the command."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or ended()

    config = uvicorn.Config(
        app,
        log_level="error",  # not a line for every request that is refused
        access_log=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=LEAVE,
        server_header=False,
        ws="none",
    )
    Server(config).run(sockets=[listener])


def _answers(network: "Network", read: Any) -> str:
    """Return the answers to a request as JSON; this runs in a thread, beside other requests."""
    examples: Examples = read()
    values = network.answers(examples.x)
    rows = [*Answers(network, examples.names, None, values).records()]
    return json.dumps({"answers": rows, "notes": examples.notes}, allow_nan=False)


def schema_of(network: "Network", limits: Limits) -> dict[str, Any]:
    """Return what a network takes and answers, and what a request may take.

    Args:
      network: the network.
      limits: what a request may take.

    Returns:
      The record that `GET /schema` shows.
    """
    signature = network.signature
    inputs: dict[str, Any] = {"kind": "array", "shape": list(signature.input_shape)}
    if signature.columns is not None:
        columns = Columns.from_dict(signature.columns).inputs
        inputs = {"kind": "table", "columns": [_column_in_record(column) for column in columns]}
    names = "values" if network.task.name == "regression" else "classes"
    pictures = [f"{PICTURES}*", "multipart/form-data"] if takes_pictures(network) else []
    return {
        "task": network.task.name,
        names: list(network.classes),
        "inputs": inputs,
        "content_types": [JSON, *pictures],
        "limits": limits._asdict(),
    }


def _column_in_record(column: Column) -> dict[str, Any]:
    record = {"name": column.name, "kind": column.kind, "gaps": column.gaps}
    extra = {"categories": column.categories, "form": column.form, "unit": column.unit}
    return record | {name: value for name, value in extra.items() if value}


def in_json(content: dict[str, Any], status: int = 200) -> Response:
    """Return an object as an answer of the service."""
    return Response(json.dumps(content, allow_nan=False), status, media_type=JSON)


async def _refused(request: Request, error: Any) -> Response:
    return in_json({"error": str(error)}, error.status)


async def _unfit(request: Request, error: Exception) -> Response:
    return in_json({"error": str(error)}, 422)


async def _no_such_thing(request: Request, error: Any) -> Response:
    text = f"{error.detail.lower()}: the service has POST /predict, GET /schema and GET /health"
    response = in_json({"error": text}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _too_slow(request: Request, error: Exception) -> Response:
    return in_json({"error": "the service is too busy to answer in time"}, 503)


async def _gone(request: Request, error: Exception) -> Response:
    return in_json({"error": "the body ended early"}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    return in_json({"error": "the service failed; its log says why"}, 500)


HANDLERS: Any = {
    Refused: _refused,
    InputError: _unfit,
    HTTPException: _no_such_thing,
    TimeoutError: _too_slow,
    ClientDisconnect: _gone,
    Exception: _failed,  # the server prints it
}

"""The protocol by gRPC: the same models, places, limits and errors as by HTTP, on a port of its own.

A tensor is read once its request is let in: to gRPC the request is a stream of one message, the same on the wire. Who
leaves, or whose deadline passes, is not computed for any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from .... import __version__
from ....errors import I2IError, PictureTooLargeError, RequestError
from ...inference.executors import TRANSLATION
from ..admission import BusyError, address_of
from ..connections import Patience
from ..doors import has_key
from ..errors import status_of
from ..jobs import Jobs
from ..observed import Metrics
from ..refusing import SESSION
from ..service import ModelService
from .messages import MESSAGES, SERVICE
from .models import image_of, metadata, model_of
from .tensors import LARGEST_LIST, MOST_TENSORS, InferRequest, array_of

log = logging.getLogger("i2i.serving")

OVERHEAD = 2**16
"""Bytes of a message beside its tensor."""
READ_AT_ONCE = 8
"""Messages that arrive at a time; others wait, in their senders' memory."""
SPARE = 64
"""Calls at once beside those that have places, for what needs none and for refusals."""
GRACE = 10
"""Seconds that clients have to read the last answers."""

CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    499: grpc.StatusCode.CANCELLED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""By what HTTP answers; INTERNAL for all others."""

Context = Any
"""grpc.aio.ServicerContext."""


class KeyMissingError(I2IError):
    """A call without a key, where one is asked for."""


class SlowError(I2IError):
    """A request that did not arrive in its time."""


class Calls:
    """What is asked, and the answers; of the event loop's thread alone."""

    def __init__(
        self, services: Mapping[str, ModelService], jobs: Jobs, keys: Sequence[bytes], metrics: Metrics
    ) -> None:
        """With `keys` a call has to carry one of them as `authorization`."""
        self.services, self.jobs, self.keys, self.metrics = services, jobs, keys, metrics
        self._reading = asyncio.Semaphore(READ_AT_ONCE)
        self._reading_by: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()

    def handler(self) -> Any:
        """For a server of gRPC."""
        unary = {
            "ServerLive": self.server_live,
            "ServerReady": self.server_ready,
            "ServerMetadata": self.server_metadata,
            "ModelReady": self.model_ready,
            "ModelMetadata": self.model_metadata,
            "RepositoryIndex": self.repository_index,
        }
        methods = {
            name: grpc.unary_unary_rpc_method_handler(
                self._answering(name, call), MESSAGES[f"{name}Request"].FromString, _bytes
            )
            for name, call in unary.items()
        }
        methods["ModelInfer"] = grpc.stream_unary_rpc_method_handler(
            self._answering("ModelInfer", self.model_infer), None, _bytes
        )
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def server_live(self, _request: Any, _context: Context) -> Any:
        """The server answers."""
        return MESSAGES["ServerLiveResponse"](live=True)

    async def server_ready(self, _request: Any, _context: Context) -> Any:
        """Every model takes pictures."""
        return MESSAGES["ServerReadyResponse"](ready=not self.jobs.is_closing)

    async def server_metadata(self, _request: Any, _context: Context) -> Any:
        """Which server this is."""
        return MESSAGES["ServerMetadataResponse"](name="i2i", version=__version__, extensions=["model_repository"])

    async def model_ready(self, request: Any, _context: Context) -> Any:
        """The model takes pictures."""
        self._service(request.name, request.version)
        return MESSAGES["ModelReadyResponse"](ready=not self.jobs.is_closing)

    async def model_metadata(self, request: Any, _context: Context) -> Any:
        """A model's tensors."""
        service = self._service(request.name, request.version)
        return MESSAGES["ModelMetadataResponse"](**metadata(service.model))

    async def repository_index(self, _request: Any, _context: Context) -> Any:
        """All models."""
        models = [
            {"name": name, "version": str(service.model.version), "state": "READY"}
            for name, service in self.services.items()
        ]
        return MESSAGES["RepositoryIndexResponse"](models=models)

    async def model_infer(self, messages: AsyncIterator[bytes], context: Context) -> Any:
        """Tensors in, tensors out, as by HTTP. The model is named by the message, which is read when any model has a
        place free: few at a time, since their sizes are not known before.
        """
        told, left = _told(context), context.time_remaining()
        client, admissions = _client(context, told), [each.admission for each in self.services.values()]
        refusals = [each.refusal(client, 0) for each in admissions]
        if None not in refusals:
            raise next(each for each in refusals if each is not None)
        name = told.get("x-request-id") or uuid.uuid4().hex
        with self.jobs.named(name, float("inf") if left is None else left) as job:
            async with self._reading_of(address_of(client)), self._reading:
                request = _parsed(await _read(messages))
            service = self._service(request.model_name, request.model_version)
            with service.admission.enter(client, sum(map(len, request.raw_input_contents))):

                def work() -> Any:
                    asked = _asked(request)
                    return service.infer(image_of(asked, service.card), job, asked.settings)

                answer = await self.jobs.work(job, work)
        output = {"name": TRANSLATION, "datatype": "FP32", "shape": answer.shape}
        return MESSAGES["ModelInferResponse"](
            model_name=request.model_name,
            model_version=str(service.model.version),
            id=request.id,
            outputs=[output],
            raw_output_contents=[answer.astype("<f4", copy=False).tobytes()],
        )

    def _reading_of(self, address: str) -> asyncio.Semaphore:
        """Half of them for one address."""
        mine = self._reading_by.get(address) or asyncio.Semaphore(READ_AT_ONCE // 2)
        self._reading_by[address] = mine
        return mine

    def _service(self, name: str, version: str) -> ModelService:
        return self.services[model_of(name, version or None, self.services)]

    def _answering(self, name: str, call: Callable[[Any, Context], Awaitable[Any]]) -> Any:
        """The call with its errors as statuses of gRPC, counted."""

        async def answering(request: Any, context: Context) -> Any:
            began, status = time.monotonic(), 499
            try:
                if self.keys and name != "ServerLive":
                    self._check_key(context)
                answer = await call(request, context)
                status = 200
                return answer
            except asyncio.CancelledError:
                raise
            except Exception as error:
                status, text, more = _refusal(error)
                await context.abort(CODES.get(status, grpc.StatusCode.INTERNAL), text, more)
            finally:
                self.metrics.count(f"grpc {name}", status, time.monotonic() - began)

        return answering

    def _check_key(self, context: Context) -> None:
        if not has_key(_told(context).get("authorization", "").encode("latin-1", "replace"), self.keys):
            raise KeyMissingError("This server asks for a key: `authorization: Bearer KEY` among the metadata.")


class RpcServer:
    """Beside the HTTP server, on its event loop."""

    def __init__(self, calls: Calls, address: str, max_bytes: int) -> None:
        """`address` with its port; a message has at most `max_bytes`."""
        self.calls, self.address, self.max_bytes = calls, address, max_bytes
        self._server: Any = None

    def start(self) -> None:
        """On the event loop; raises RequestError when the address cannot be had."""
        self._loop = asyncio.get_running_loop()
        places = sum(service.admission.places for service in self.calls.services.values())
        options = {
            "grpc.max_receive_message_length": self.max_bytes + OVERHEAD,
            "grpc.max_send_message_length": -1,  # of answers, which are bounded by what is asked
            "grpc.max_metadata_size": 2**16,
            "grpc.so_reuseport": 0,  # else a second server would take half of the clients
            "grpc.http2.min_ping_interval_without_data_ms": 10_000,
        }
        self._server = grpc.aio.server(options=list(options.items()), maximum_concurrent_rpcs=places + SPARE)
        self._server.add_generic_rpc_handlers((self.calls.handler(),))
        try:
            self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise RequestError(f"gRPC cannot be served on {self.address}. Choose another --grpc-port.") from error
        self._starting = self._loop.create_task(self._server.start())

    def stop(self) -> None:
        """From another thread, once nothing is under way."""
        asyncio.run_coroutine_threadsafe(self._server.stop(GRACE), self._loop).result()


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _told(context: Context) -> dict[str, str]:
    """The call's metadata that are text."""
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def _client(context: Context, told: Mapping[str, str]) -> str:
    """As by HTTP: address and session. gRPC says `ipv4:127.0.0.1:5000`, or `ipv6:%5B::1%5D:5000`."""
    address = str(context.peer()).partition(":")[2].rpartition(":")[0]
    return f"{address.removeprefix('%5B').removesuffix('%5D').strip('[]')} {told.get(SESSION.decode(), '')[:64]}"


async def _read(messages: AsyncIterator[bytes]) -> bytes:
    """The one message of a request; raises SlowError."""
    seconds = Patience().body
    try:
        return await asyncio.wait_for(anext(messages), seconds)
    except StopAsyncIteration:
        raise RequestError("The request has no message in it.") from None
    except TimeoutError:
        raise SlowError(f"The tensors did not arrive within {seconds:g} s.") from None


def _parsed(message: bytes) -> Any:
    """A request whose lists are as short as a model's; raises RequestError."""
    try:
        request = MESSAGES["ModelInferRequest"].FromString(message)
    except DecodeError as error:
        raise RequestError("The message is no ModelInferRequest.") from error
    if max(map(len, (request.inputs, request.outputs, request.raw_input_contents, request.parameters))) > MOST_TENSORS:
        raise RequestError(f"A request has at most {MOST_TENSORS} inputs, outputs, contents and parameters.")
    return request


def _asked(request: Any) -> InferRequest:
    """The message as a request; raises RequestError."""
    inputs, raw = {}, list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise RequestError(f"{len(raw)} raw contents come with {len(request.inputs)} inputs; it is one for each.")
    for number, tensor in enumerate(request.inputs):
        told: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
        data = raw[number] if raw else b""
        if raw:
            told["parameters"] = {"binary_data_size": len(data)}
        else:
            numbers = tensor.contents.fp64_contents or tensor.contents.fp32_contents
            if len(numbers) > LARGEST_LIST:
                raise RequestError(f"More than {LARGEST_LIST:,} numbers are sent as bytes: `raw_input_contents`.")
            told["data"] = list(numbers)
        inputs[tensor.name] = array_of(told, memoryview(data))[0]
    settings = {each.key: getattr(each.value, each.value.WhichOneof("choice") or "") for each in request.parameters}
    return InferRequest(request.id or None, inputs, settings, tuple(each.name for each in request.outputs), True)


def _refusal(error: Exception) -> tuple[int, str, tuple[tuple[str, str], ...]]:
    """Status of HTTP, sentence and trailing metadata."""
    if isinstance(error, KeyMissingError):
        return 401, str(error), ()
    if isinstance(error, SlowError):
        return 408, str(error), ()
    if isinstance(error, BusyError):
        return 429, str(error), (("retry-after", str(error.seconds)),)
    if isinstance(error, PictureTooLargeError) or (isinstance(error, I2IError) and status_of(error) in (415, 422)):
        return 400, str(error), ()
    if isinstance(error, I2IError) and status_of(error) != 500:
        return status_of(error), str(error), ()
    log.exception("unforeseen error", exc_info=error)
    return 500, "The server failed on this request; its log says why.", ()

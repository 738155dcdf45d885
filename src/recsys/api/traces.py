"""A span for each request, for OpenTelemetry, where an endpoint is set; without one nothing of it is even imported."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recsys.api.call import Answer, Call
from recsys.errors import InvalidSetting
from recsys.settings import Settings

if TYPE_CHECKING:  # an extra, which an installation may lack
    from opentelemetry.sdk.trace import SpanProcessor

_SERVER_ERROR = 500
_PARENT = (b"traceparent", b"tracestate")


class Traces:
    """Makes the span of a request once it is answered, with its stages as events; sending it is a thread's business.

    It holds the request's id, the route's template and the tenant: never a path, a body or a person's id.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        """Hand each span to *processor*."""
        from opentelemetry.propagate import extract  # noqa: PLC0415  an extra
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415

        resource = Resource.create({SERVICE_NAME: "recsys-service"})  # OTEL_RESOURCE_ATTRIBUTES and the like add to it
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("recsys")
        self._extract, self._server, self._failed = extract, SpanKind.SERVER, StatusCode.ERROR

    def note(self, call: Call, answer: Answer) -> None:
        """Make the span of a request that has been answered; a caller's `traceparent` is its parent."""
        ended = time.time_ns()
        began = ended - _nanoseconds(time.perf_counter() - call.started)
        span = self._tracer.start_span(
            f"{call.method} {call.endpoint}",
            context=self._extract(_parent(call.headers)),
            kind=self._server,
            attributes=_attributes(call, answer),
            start_time=began,
        )
        for stage, at in call.laps.items():
            span.add_event(stage, timestamp=began + _nanoseconds(at - call.started))
        if answer.status >= _SERVER_ERROR:
            span.set_status(self._failed)
        span.end(ended)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def exported(settings: Settings) -> Traces | None:
    """Send spans where the settings say; None where they say nothing. InvalidSetting where the extra is missing."""
    if settings.otlp_endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise InvalidSetting(
            "RECSYS_OTLP_ENDPOINT: OpenTelemetry is not installed. Run pip install 'recsys-service[otel]'."
        ) from None
    return Traces(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def _parent(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): headers[name].decode("latin-1") for name in _PARENT if name in headers}


def _attributes(call: Call, answer: Answer) -> dict[str, Any]:
    found = {
        "recsys.request_id": call.request_id,
        "http.request.method": call.method,
        "http.route": call.endpoint,
        "http.response.status_code": answer.status,
    }
    if call.view is not None:
        found["recsys.tenant"] = call.view.tenant.external_id
    return found if call.empty is None else found | {"recsys.empty": call.empty}

"""Spans of requests, in the memory of the test and over the wire."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from recsys.api.call import Answer, Call
from recsys.api.traces import Traces, exported
from recsys.errors import InvalidSetting
from recsys.settings import Settings

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keep spans in memory."""
    return InMemorySpanExporter()


@pytest.fixture
def traces(exporter: InMemorySpanExporter) -> Traces:
    """Make spans that the exporter has at once."""
    return Traces(SimpleSpanProcessor(exporter))


def answered(traces: Traces, status: int = 200, **headers: bytes) -> Call:
    """Answer a request with a stage."""
    given = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    call = Call.begin({"method": "POST", "path": "/v1/recommend/ada", "headers": given})
    call.endpoint, call.empty = "/v1/recommend", False
    call.lap("rank")
    traces.note(call, Answer(status))
    return call


def test_a_request_is_one_span_with_its_id(traces: Traces, exporter: InMemorySpanExporter) -> None:
    """It is named by the route's template, lasts as long as the request, holds its stages, and no path."""
    call = answered(traces, x_request_id=b"r-1")
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("POST /v1/recommend", SpanKind.SERVER)
    assert span.attributes == {
        "recsys.request_id": "r-1",
        "recsys.empty": False,
        "http.request.method": "POST",
        "http.route": "/v1/recommend",
        "http.response.status_code": 200,
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0 < (span.end_time - span.start_time) / 1e6 <= call.milliseconds()
    (event,) = span.events
    assert event.name == "rank"
    assert span.start_time <= event.timestamp <= span.end_time
    assert "ada" not in span.to_json()


def test_the_callers_trace_goes_on(traces: Traces, exporter: InMemorySpanExporter) -> None:
    """A `traceparent` is the span's parent; nonsense begins a trace of its own."""
    answered(traces, traceparent=PARENT)
    answered(traces, traceparent=b"nonsense \xff")
    joined, own = exporter.get_finished_spans()
    assert joined.parent is not None
    assert f"{joined.parent.trace_id:032x}-{joined.parent.span_id:016x}" in PARENT.decode()
    assert own.parent is None


def test_only_failures_of_the_service_are_errors(traces: Traces, exporter: InMemorySpanExporter) -> None:
    """5xx marks the span as failed; a refused request is none of the service's failures."""
    answered(traces, 404)
    answered(traces, 503)
    assert [span.status.status_code for span in exporter.get_finished_spans()] == [StatusCode.UNSET, StatusCode.ERROR]


def test_without_an_endpoint_nothing_is_imported() -> None:
    """The setting is off by default, and then OpenTelemetry costs nothing, there or not."""
    assert exported(Settings()) is None
    program = "import sys, recsys.api.app; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_endpoint_without_the_extra_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(InvalidSetting, match=r"recsys-service\[otel\]"):
        exported(Settings(otlp_endpoint="http://127.0.0.1:4318/v1/traces"))

"""A shop as other teams write one: FastAPI, PostgreSQL, Redis; measured by libraries that everybody uses."""

import os
import random
import time

from fastapi import FastAPI, Request, Response

app = FastAPI()
pages = random.Random(1)

if os.environ.get("SHOP_PAGE"):
    from prometheus_fastapi_instrumentator import Instrumentator

    Instrumentator().instrument(app).expose(app)

if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from opentelemetry.instrumentation.redis import RedisInstrumentor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    spans = TracerProvider()
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=1000))
    trace.set_tracer_provider(spans)
    if os.environ.get("SHOP_METRICS"):
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=2000)
        metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
    PsycopgInstrumentor().instrument()
    RedisInstrumentor().instrument()

    def whose(span, scope):
        user = dict(scope["headers"]).get(b"x-user")
        if user:
            span.set_attribute("enduser.id", user.decode())

    FastAPIInstrumentor.instrument_app(app, server_request_hook=whose)

database = cache = None
if os.environ.get("PGHOST"):
    import psycopg

    database = psycopg.connect(autocommit=True)
if os.environ.get("REDIS_PORT"):
    import redis

    cache = redis.Redis(port=int(os.environ["REDIS_PORT"]))


@app.get("/items/{number}")
def item(number: int):
    time.sleep(0.004 + (number % 10) / 500)
    if cache:
        cache.get(f"item:{number}")
    if database:
        database.execute("SELECT count(*) FROM pg_class WHERE relname <> %s", ("planted-literal",)).fetchone()
    return {"item": number}


@app.get("/broken")
def broken(response: Response):
    response.status_code = 500
    return {}


@app.get("/healthz")
def healthz():
    return {}

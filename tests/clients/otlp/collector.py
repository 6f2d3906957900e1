"""A collector for tests: it takes traces and metrics by OTLP over HTTP, reads them with the
definitions that the OpenTelemetry project publishes, and prints each message as a line of JSON.

The first line that it prints is its port. A message that it cannot read is answered 400.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATHS = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path not in PATHS or self.headers["content-type"] != "application/x-protobuf":
            self.send_error(404)
            return
        request, response = PATHS[self.path]
        try:
            message = request.FromString(body)
        except Exception as error:
            self.send_error(400, str(error))
            return
        line = {"path": self.path, "message": MessageToDict(message)}
        print(json.dumps(line), flush=True)
        answer = response().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()

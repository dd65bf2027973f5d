"""Reads what our packages hold with tools that others wrote.

kubernetes FILE…       against the schemas of Kubernetes, without room for a field that it does not know
configuration FILE     prints the configuration in the ConfigMap of a manifest
sbom FILE              against the schema of CycloneDX
metrics FILE           as Prometheus' own client reads it; prints each sample as a line of JSON
openmetrics FILE       the same for the text of OpenMetrics, with each family's unit
otlp traces|metrics FILE…  by OpenTelemetry's own definition, without room for a field that it does not know; prints each as a line of JSON
plist FILE             prints a property list as JSON
"""

import base64
import json
import plistlib
import subprocess
import sys

# The first version with sidecars by default.
KUBERNETES = "1.29"


def kubernetes(*files):
    done = subprocess.run(
        [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", KUBERNETES, *files], check=False
    )
    sys.exit(done.returncode)


def configuration(file):
    import yaml

    with open(file, encoding="utf-8") as manifest:
        for document in yaml.safe_load_all(manifest):
            if document["kind"] == "ConfigMap":
                print(document["data"]["config.toml"], end="")
                return
    sys.exit(f"{file}: there is no ConfigMap")


def sbom(file):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(file, encoding="utf-8") as bill:
        text = bill.read()
    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    problem = JsonStrictValidator(version).validate_str(text)
    if problem is not None:
        sys.exit(f"{file}: {problem}")


def metrics(file):
    from prometheus_client.parser import text_string_to_metric_families

    samples(file, text_string_to_metric_families)


def openmetrics(file):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    samples(file, text_string_to_metric_families)


def samples(file, families):
    with open(file, encoding="utf-8") as scraped:
        for family in families(scraped.read()):
            for sample in family.samples:
                row = {"family": family.name, "type": family.type, "help": family.documentation}
                row |= {"name": sample.name, "labels": sample.labels, "value": sample.value}
                row |= {"unit": family.unit}
                print(json.dumps(row))


# Written in hexadecimal, where protobuf's JSON has base64 (OTLP 1.x, "JSON Protobuf Encoding"); their bytes.
IDENTIFIERS = {"traceId": 16, "spanId": 8, "parentSpanId": 8, "trace_id": 16, "span_id": 8, "parent_span_id": 8}


def identifiers(within, change):
    if isinstance(within, list):
        return [identifiers(item, change) for item in within]
    if isinstance(within, dict):
        return {
            key: change(value, IDENTIFIERS[key]) if key in IDENTIFIERS else identifiers(value, change)
            for key, value in within.items()
        }
    return within


def to_base64(text, length):
    data = bytes.fromhex(text)
    if len(data) != length or not any(data):
        sys.exit(f"{text} is no identifier of {length} bytes")
    return base64.b64encode(data).decode()


def to_hex(text, _length):
    return base64.b64decode(text).hex()


def otlp(kind, *files):
    from google.protobuf import json_format
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for file in files:
        with open(file, encoding="utf-8") as sent:
            document = identifiers(json.load(sent), to_base64)
        message = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest}[kind]()
        json_format.ParseDict(document, message, ignore_unknown_fields=False)
        # Over the wire and back: what stands there is what the definition has.
        again = type(message).FromString(message.SerializeToString())
        seen = json_format.MessageToDict(again, preserving_proto_field_name=True, use_integers_for_enums=True)
        print(json.dumps(identifiers(seen, to_hex)))


def plist(file):
    with open(file, "rb") as listed:
        json.dump(plistlib.load(listed), sys.stdout)


if __name__ == "__main__":
    _, what, *files = sys.argv
    tools = {"kubernetes": kubernetes, "configuration": configuration, "sbom": sbom, "metrics": metrics, "otlp": otlp}
    (tools | {"openmetrics": openmetrics, "plist": plist})[what](*files)

"""Reads what our packages hold with tools that others wrote.

kubernetes FILE…       against the schemas of Kubernetes, without room for a field that it does not know
configuration FILE     prints the configuration in the ConfigMap of a manifest
sbom FILE              against the schema of CycloneDX
metrics FILE           as Prometheus' own client reads it; prints each sample as a line of JSON
plist FILE             prints a property list as JSON
"""

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

    with open(file, encoding="utf-8") as scraped:
        for family in text_string_to_metric_families(scraped.read()):
            for sample in family.samples:
                row = {"family": family.name, "type": family.type, "help": family.documentation}
                row |= {"name": sample.name, "labels": sample.labels, "value": sample.value}
                print(json.dumps(row))


def plist(file):
    with open(file, "rb") as listed:
        json.dump(plistlib.load(listed), sys.stdout)


if __name__ == "__main__":
    _, what, *files = sys.argv
    {"kubernetes": kubernetes, "configuration": configuration, "sbom": sbom, "metrics": metrics, "plist": plist}[what](*files)

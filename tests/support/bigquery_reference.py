"""Requests held against Google's own description of BigQuery's REST interface, and against what Google bills.

The description is Google's discovery document (bigquery v2, revision 20260811), which local-bigquery carries whole. It
lists no values for fields that it types as plain text, so those that we send are listed here, from the same pages:
cloud.google.com/bigquery/docs/reference/rest/v2/Job and …/tables (2026).
"""

from __future__ import annotations

import re
from typing import Any

from tests.support.bigquery_shim import Emulator, Request

FREE = {
    *("datasets.get", "jobs.get", "jobs.insert", "jobs.list"),
    *("tables.get", "tables.insert", "tables.patch", "tables.delete", "tables.testIamPermissions"),
    "tabledata.list",
}
"""What may be asked: load jobs, listings and metadata. jobs.query and tabledata.insertAll are billed."""

_VALUES = {
    "JobConfigurationLoad.sourceFormat": {"PARQUET", "NEWLINE_DELIMITED_JSON"},
    "JobConfigurationLoad.writeDisposition": {"WRITE_TRUNCATE", "WRITE_APPEND", "WRITE_EMPTY"},
    "JobConfigurationLoad.createDisposition": {"CREATE_IF_NEEDED", "CREATE_NEVER"},
    "TimePartitioning.type": {"DAY", "HOUR", "MONTH", "YEAR"},
    "TableFieldSchema.mode": {"NULLABLE", "REQUIRED", "REPEATED"},
    "TableFieldSchema.type": {"STRING", "INTEGER", "INT64", "FLOAT", "FLOAT64", "DATE", "DATETIME"},
}

_CLIENTS_OWN = {"jobs.get": {"projection"}}
"""Sent by google-cloud-bigquery 3.47 to all its users, though the description does not have it."""

_MOST_COLUMNS_IN_A_CLUSTER = 4
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_UPLOAD = {"uploadType", "upload_id"}


class Reference:
    """Google's description, as the emulator serves it."""

    def __init__(self, emulator: Emulator) -> None:
        answer = emulator.ask("GET", "/$discovery/rest")
        assert answer.status == 200, answer.body
        self._description: dict[str, Any] = answer.json
        assert self._description["id"] == "bigquery:v2"

    def method(self, request: Request) -> str:
        """What a request calls: `jobs.insert`."""
        path = request.path.removeprefix("/upload").removeprefix("/bigquery/v2/").removeprefix("/")
        upload = request.path.startswith("/upload/")
        found = [
            f"{noun}.{name}"
            for noun, resource in self._description["resources"].items()
            for name, method in resource.get("methods", {}).items()
            if (method["httpMethod"] == request.method or (upload and request.method == "PUT" and name == "insert"))
            and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", method["flatPath"]), path)
        ]
        assert len(found) == 1, f"{request} is {found or 'nothing'} in Google's description"
        return found[0]

    def check(self, request: Request) -> str:
        """Fails for a request that Google would bill, or that its description does not allow; returns its method."""
        name = self.method(request)
        assert name in FREE, f"{name} is not free"
        noun, _, verb = name.partition(".")
        method = self._description["resources"][noun]["methods"][verb]
        known = {*method.get("parameters", {}), *self._description["parameters"], *_CLIENTS_OWN.get(name, ())}
        if method.get("supportsMediaUpload"):
            known |= _UPLOAD
        unknown = request.query.keys() - known
        assert not unknown, f"{name} has no parameter {unknown}"
        if request.body is not None:
            self._check_value({"$ref": method["request"]["$ref"]}, request.body, name)
            if name == "jobs.insert":
                _check_job(request.body)
        return name

    def _check_value(self, schema: dict[str, Any], value: Any, where: str) -> None:
        if "$ref" in schema:
            self._check_object(schema["$ref"], value, where)
        elif schema["type"] == "array":
            assert isinstance(value, list), f"{where} must be a list"
            for each in value:
                self._check_value(schema["items"], each, f"{where}[]")
        elif schema["type"] == "object":
            for key, each in value.items():
                self._check_value(schema["additionalProperties"], each, f"{where}.{key}")
        else:
            kinds = {"string": str, "boolean": bool, "integer": int, "number": float, "any": object}
            assert isinstance(value, kinds[schema["type"]]), f"{where} is {value!r}, not a {schema['type']}"
            assert value in schema.get("enum", [value]), f"{where} is {value!r}, not one of {schema.get('enum')}"

    def _check_object(self, name: str, value: dict[str, Any], where: str) -> None:
        known = self._description["schemas"][name]["properties"]
        for key, each in value.items():
            assert key in known, f"{where}: {name} has no field {key}"
            written = known[key].get("description", "").replace("[", "").startswith("Output only")
            assert not written, f"{where}.{key} is Google's to write"
            assert each in _VALUES.get(f"{name}.{key}", [each]), f"{where}.{key} is {each!r}"
            self._check_value(known[key], each, f"{where}.{key}")


def _check_job(job: dict[str, Any]) -> None:
    configuration = job["configuration"]
    assert configuration.keys() <= {"load", "labels"}, "only load jobs are free"
    load, reference = configuration["load"], job["jobReference"]
    assert _JOB_ID.fullmatch(reference["jobId"])
    assert reference["location"], "a job without a location runs in the US"
    labels = configuration.get("labels", {})
    assert all(_LABEL.fullmatch(text) for pair in labels.items() for text in pair), labels
    if "$" in load["destinationTable"]["tableId"]:
        assert re.fullmatch(r"\w+\$\d{6}", load["destinationTable"]["tableId"])
        assert load["writeDisposition"] == "WRITE_TRUNCATE", "not WRITE_TRUNCATE"
        assert load["createDisposition"] == "CREATE_NEVER", "not CREATE_NEVER"
        assert "schemaUpdateOptions" not in load
    for uri in load.get("sourceUris", []):
        assert re.fullmatch(r"gs://[^/*#]+/[^*#]+", uri), f"{uri}: no wildcard and no generation"


def check_table(table: dict[str, Any]) -> None:
    """Fails for a table that Google would not make: bounds that the description has in words only."""
    names = [field["name"] for field in table["schema"]["fields"]]
    assert len(names) == len(set(names)) <= 10_000
    assert all(re.fullmatch(r"[A-Za-z_]\w{0,299}", name) for name in names)
    assert all(len(field.get("description", "")) <= 1024 for field in table["schema"]["fields"])
    cluster = table.get("clustering", {}).get("fields", [])
    assert len(cluster) <= _MOST_COLUMNS_IN_A_CLUSTER
    assert set(cluster) <= set(names)

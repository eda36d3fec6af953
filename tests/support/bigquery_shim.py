"""What local-bigquery lacks of BigQuery, as its documentation describes it; a stand-in, not Google's code.

The emulator takes `t$202401` for a table of that name. This server stands before it and gives such decorators their
documented meaning: a load job into a partition is loaded aside, refused when it holds rows of another month, and then
swapped in, in one transaction; partitions are listed, counted and deleted. Jobs are found in their dataset's location
only. All else is passed on. What nobody here can show: whether Google's servers do as their documentation says.

Every request is recorded. Tests may have it lose answers, fail requests, fail jobs, and hold jobs back.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import IO, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit
from uuid import uuid4

API = "/bigquery/v2"
UPLOAD = "/upload/bigquery/v2"
FILE_MONTH = "file_month"
_TABLE = re.compile(
    rf"{API}/projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/$]+)"
    r"\$(?P<partition>[^/:]+)(?P<data>/data)?"
)
_JOB = re.compile(rf"{API}/projects/(?P<project>[^/]+)/jobs/(?P<job>[^/]+)")
_JOBS = re.compile(rf"(?P<upload>/upload)?{API}/projects/(?P<project>[^/]+)/jobs")


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    """without the query, decoded"""
    query: dict[str, str]
    body: dict[str, Any] | None
    """the JSON; of an upload, the job's"""

    @property
    def load(self) -> dict[str, Any] | None:
        """Of a request that begins a load job, its configuration."""
        return (self.body or {}).get("configuration", {}).get("load")

    def begins(self, table: str) -> bool:
        """Whether it wants to begin a load job into this table or partition."""
        return self.load is not None and self.load["destinationTable"]["tableId"] == table

    @property
    def job_id(self) -> str:
        """Of a request that begins a job, its id."""
        return str((self.body or {})["jobReference"]["jobId"])


@dataclass(frozen=True)
class Answer:
    """What the client is answered."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Any, status: int = 200, **headers: str) -> Answer:
        return cls(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})

    @classmethod
    def error(cls, status: int, reason: str, message: str) -> Answer:
        """An error as Google writes it."""
        first = {"reason": reason, "message": message, "domain": "global"}
        return cls.of({"error": {"code": status, "message": message, "errors": [first]}}, status)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that match; without `answer`, the true answer is lost."""

    matches: Callable[[Request], bool]
    answer: Answer | None
    times: int


class JobError(Exception):
    """Ends a job; it is then DONE, with this as its errorResult."""

    def __init__(self, reason: str, message: str, more: list[str] | None = None) -> None:
        super().__init__(message)
        first = {"reason": reason, "message": message}
        self.status = {
            "state": "DONE",
            "errorResult": first,
            "errors": [first, *({"reason": reason, "message": each} for each in more or [])],
        }


class NoTable(Exception):
    """What a query was to read is not there."""


class Emulator:
    """local-bigquery itself, asked over HTTP."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request; `body` is JSON, bytes or a file."""
        host = urlsplit(self.address)
        connection = HTTPConnection(host.hostname or "", host.port, timeout=300)
        try:
            raw = body
            headers = dict(headers or {})
            if isinstance(body, dict):
                raw = json.dumps(body).encode()
                headers["Content-Type"] = "application/json"
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            connection.close()

    def query(self, project: str, statement: str) -> list[list[Any]]:
        """Rows of a query, or nothing of a script; values as the REST interface writes them."""
        body = {"query": statement, "useLegacySql": False, "timeoutMs": 300_000}
        answer = self.ask("POST", f"{API}/projects/{project}/queries", body)
        if answer.status == 404:
            raise NoTable(statement)
        assert answer.status == 200, answer.body
        return [[cell["v"] for cell in row["f"]] for row in answer.json.get("rows", [])]


class Shim:
    """The server at `endpoint`."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.job_errors: list[JobError] = []
        """how the next jobs fail"""
        self.permissions: list[str] | None = None
        """all that testIamPermissions grants; None: everything"""
        self.before_swap: Callable[[], None] = lambda: None
        self.largest_page = 10_000
        """rows of a partition in one answer: Google's are bounded by bytes, however many are asked for"""
        self._go = threading.Event()
        self._go.set()
        self._jobs: dict[tuple[str, str], dict[str, Any]] = {}
        self._changed: dict[str, int] = {}
        self._uploads: dict[str, _Upload] = {}
        self._places: dict[str, str] = {}
        self._lock = threading.Lock()
        self._writes = threading.RLock()
        """the emulator fails writes that meet (`Failed to commit DuckLake transaction`), so that they queue up here"""
        self._descriptions = threading.Lock()
        """of tables: held while one is made, or read; no test's callback runs under it"""
        self._pool = ThreadPoolExecutor(16)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"shim": self}))
        self._server.daemon_threads = True
        self._server.handle_error = _ignore_who_left  # type: ignore[method-assign]
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._go.set()
        self._server.shutdown()
        self._server.server_close()
        self._pool.shutdown()
        self._forget_uploads()

    def reset(self) -> None:
        """Nothing goes wrong any more, and nothing is remembered of what was asked."""
        self._go.set()
        self.requests.clear()
        self.faults.clear()
        self.job_errors.clear()
        self.permissions = None
        self.before_swap = lambda: None
        self.largest_page = 10_000
        self._forget_uploads()

    def _forget_uploads(self) -> None:
        """Those that were begun and given up have a file open."""
        for upload in self._uploads.values():
            upload.data.close()
        self._uploads.clear()

    def lose(self, matches: Callable[[Request], bool], times: int = 1) -> None:
        """Does what is asked, and then cuts the connection."""
        self.faults.append(Fault(matches, None, times))

    def refuse(self, matches: Callable[[Request], bool], status: int, reason: str, times: int = 1) -> None:
        """Answers with an error of Google's and does nothing."""
        self.faults.append(Fault(matches, Answer.error(status, reason, f"made up: {reason}"), times))

    def first(self, matches: Callable[[Request], bool], do: Callable[[], object]) -> None:
        """Before the first request that matches is answered, somebody else does something, which is waited for."""
        seen = []

        def meets(request: Request) -> bool:
            if not seen and matches(request):
                seen.append(request)
                do()
            return False

        self.faults.append(Fault(meets, None, 1))

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Jobs that are begun in the block stay RUNNING until its end."""
        self._go.clear()
        try:
            yield
        finally:
            self._go.set()

    def inserted(self, table: str) -> list[Request]:
        """The requests that wanted to begin a load job into a table or partition."""
        return [each for each in self.requests if each.begins(table)]

    def wait_for_jobs(self) -> None:
        """Returns when no job runs."""
        while any(job["status"]["state"] != "DONE" for job in list(self._jobs.values())):
            time.sleep(0.02)

    def fault(self, request: Request) -> Fault | None:
        """The fault that a request meets, counted down."""
        for fault in list(self.faults):
            # Outside the lock: a test may have it do something first that asks this server, too
            if fault.times and fault.matches(request):
                with self._lock:
                    if fault.times:
                        fault.times -= 1
                        return fault
        return None

    def answer(self, request: Request, raw: bytes, headers: dict[str, str]) -> Answer:
        if match := _TABLE.fullmatch(request.path):
            return self._partition(request, **match.groupdict())
        if request.method == "GET" and (match := _JOB.fullmatch(request.path)):
            return self._get_job(request, **match.groupdict())
        if match := _JOBS.fullmatch(request.path):
            if match["upload"]:
                return self._upload(request, raw, headers)
            return self._insert(request.body or {}, None) if request.method == "POST" else self._list_jobs(request)
        if request.path.endswith(":testIamPermissions") and self.permissions is not None:
            return Answer.of({"permissions": self.permissions})
        query = f"?{urlencode(request.query)}" if request.query else ""
        kept = {name: value for name, value in headers.items() if name.lower() in ("content-type", "if-match")}
        # The emulator shows a table that it is making without its columns, which BigQuery never does
        tables = (
            self._descriptions if "/tables" in request.path and request.method in ("GET", "POST") else nullcontext()
        )
        with nullcontext() if request.method == "GET" else self._writes, tables:
            return self.emulator.ask(request.method, request.path + query, raw or None, kept)

    # jobs

    def _get_job(self, request: Request, project: str, job: str) -> Answer:
        found = self._jobs.get((project, job))
        if found is None or request.query.get("location") != found["jobReference"]["location"]:
            return Answer.error(404, "notFound", f"Not found: Job {project}:{job}")
        return Answer.of(found)

    def _list_jobs(self, request: Request) -> Answer:
        state = request.query["stateFilter"].upper()
        found = [{**job, "state": state} for job in list(self._jobs.values()) if job["status"]["state"] == state]
        return Answer.of({"kind": "bigquery#jobList", "jobs": found})

    def _place(self, project: str, dataset: str) -> str | None:
        if dataset not in self._places:
            answer = self.emulator.ask("GET", f"{API}/projects/{project}/datasets/{dataset}")
            if answer.status != 200:
                return None
            self._places[dataset] = answer.json["location"]
        return self._places[dataset]

    def _insert(self, wanted: dict[str, Any], data: IO[bytes] | None) -> Answer:
        reference, load = wanted["jobReference"], wanted["configuration"]["load"]
        project, job_id, table = reference["projectId"], reference["jobId"], load["destinationTable"]
        place = self._place(project, table["datasetId"])
        if reference.get("location", "US") != place:
            where = reference.get("location", "US")
            return Answer.error(
                404, "notFound", f"Not found: Dataset {project}:{table['datasetId']} in location {where}"
            )
        with self._lock:
            if (project, job_id) in self._jobs:
                return Answer.error(409, "duplicate", f"Already Exists: Job {project}:{place}.{job_id}")
            job = self._jobs[project, job_id] = {
                "kind": "bigquery#job",
                "id": f"{project}:{place}.{job_id}",
                "jobReference": {**reference, "location": place},
                "configuration": {**wanted["configuration"], "jobType": "LOAD"},
                "status": {"state": "RUNNING"},
                "statistics": {"creationTime": _now(), "startTime": _now()},
            }
            error = self.job_errors.pop(0) if self.job_errors else None
        running: Future[None] = self._pool.submit(self._run, job, data, error)
        if self._go.is_set():
            wait_for([running], timeout=300)
        return Answer.of(job)

    def _run(self, job: dict[str, Any], data: IO[bytes] | None, error: JobError | None) -> None:
        self._go.wait()
        statistics: dict[str, Any] = {}
        status: dict[str, Any] = {"state": "DONE"}
        try:
            if error:
                raise error
            load = job["configuration"]["load"]
            table, _, partition = load["destinationTable"]["tableId"].partition("$")
            with self._writes:
                if partition:
                    statistics = self._load_partition(job, data, table, partition)
                else:
                    statistics = self._pass_on(job["jobReference"], load, data)
        except JobError as failure:
            status = failure.status
        except Exception as failure:  # noqa: BLE001 a defect of the shim must not leave a job that never ends
            status = JobError("shimDefect", repr(failure)).status
        finally:
            if data:
                data.close()
        if statistics.get("outputRows") == "0":
            del statistics["outputRows"]  # Google's JSON has no zeros
        job["statistics"] = {**job["statistics"], "endTime": _now(), "load": statistics}
        job["status"] = status

    def _pass_on(self, reference: dict[str, str], load: dict[str, Any], data: IO[bytes] | None) -> dict[str, Any]:
        """Has the emulator do a job, under an id of its own; returns its statistics."""
        project = reference["projectId"]
        there = {"projectId": project, "jobId": uuid4().hex}
        wanted = {"jobReference": there, "configuration": {"load": load}}
        if data is None:
            answer = self.emulator.ask("POST", f"{API}/projects/{project}/jobs", wanted)
        else:
            address = f"{UPLOAD}/projects/{project}/jobs?uploadType=resumable"
            begun = self.emulator.ask("POST", address, wanted)
            headers = {name.lower(): value for name, value in begun.headers.items()}
            size = data.seek(0, 2)
            data.seek(0)
            span = f"bytes 0-{size - 1}/{size}" if size else "bytes */0"
            location = urlsplit(headers["location"])
            sent = {"Content-Range": span, "Content-Length": str(size)}
            answer = self.emulator.ask("PUT", f"{location.path}?{location.query}", data, sent)
        while answer.status == 200 and answer.json["status"]["state"] != "DONE":
            time.sleep(0.05)
            answer = self.emulator.ask("GET", f"{API}/projects/{project}/jobs/{there['jobId']}")
        if answer.status != 200:
            first = answer.json["error"]["errors"][0]
            raise JobError(first["reason"], first["message"])
        if failed := answer.json["status"].get("errorResult"):
            raise JobError(failed["reason"], failed["message"])
        statistics: dict[str, Any] = answer.json["statistics"]["load"]
        return statistics

    # partitions

    def _load_partition(
        self, job: dict[str, Any], data: IO[bytes] | None, table: str, partition: str
    ) -> dict[str, Any]:
        load, reference = job["configuration"]["load"], job["jobReference"]
        assert (load["writeDisposition"], load["createDisposition"]) == ("WRITE_TRUNCATE", "CREATE_NEVER")
        target = load["destinationTable"]
        project, dataset = target["projectId"], target["datasetId"]
        aside = f"aside_{uuid4().hex}"
        elsewhere = {**load, "destinationTable": {**target, "tableId": aside}, "createDisposition": "CREATE_IF_NEEDED"}
        # Columns that the file lacks are null in BigQuery and an error in the emulator, so the schema is applied below
        elsewhere.pop("schema")
        statistics = self._pass_on(reference, elsewhere, data)
        self.before_swap()
        try:
            self._swap(project, dataset, (table, partition), aside, load["schema"]["fields"])
        finally:
            self.emulator.ask("DELETE", _table_path(project, dataset, aside))
        return statistics

    def _swap(
        self, project: str, dataset: str, target: tuple[str, str], aside: str, fields: list[dict[str, str]]
    ) -> None:
        table, partition = target
        label = f"{project}:{dataset}.{table}${partition}"
        has = self._columns(project, dataset, table)
        if has is None:
            raise JobError("notFound", f"Not found: Table {project}:{dataset}.{table}")
        given = self._columns(project, dataset, aside) or {}
        for each in fields:
            name, kind = each["name"], each["type"]
            if has.get(name) != kind:
                raise JobError(
                    "invalid",
                    f"Provided Schema does not match Table {label}. Field {name} has changed type from "
                    f"{has.get(name)} to {kind}",
                )
        month = _month(partition)
        wrong = f"SELECT count(*) FROM {dataset}.{aside} WHERE {FILE_MONTH} IS NULL OR {FILE_MONTH} != {month}"
        if self.emulator.query(project, wrong) != [["0"]]:
            raise JobError(
                "invalid", f"Some rows belong to different partitions rather than destination partition {label}"
            )
        both = {each["name"]: _SQL[each["type"]] for each in fields if each["name"] in given}
        names = ", ".join(f"`{name}`" for name in both)
        values = ", ".join(f"CAST(`{name}` AS {kind})" for name, kind in both.items())
        script = (
            f"BEGIN TRANSACTION; DELETE FROM {dataset}.{table} WHERE {FILE_MONTH} = {month}; "
            f"INSERT INTO {dataset}.{table} ({names}) SELECT {values} FROM {dataset}.{aside}; COMMIT TRANSACTION"
        )
        self.emulator.query(project, script)
        self._changed[label] = int(_now())

    def _columns(self, project: str, dataset: str, table: str) -> dict[str, str] | None:
        answer = self.emulator.ask("GET", _table_path(project, dataset, table))
        if answer.status != 200:
            return None
        return {each["name"]: each["type"] for each in answer.json["schema"]["fields"]}

    def _partition(
        self, request: Request, project: str, dataset: str, table: str, partition: str, data: str | None
    ) -> Answer:
        try:
            if request.method == "GET" and data:
                if partition == "__PARTITIONS_SUMMARY__":
                    return self._summary(request, project, dataset, table)
                return self._rows(request, project, dataset, table, partition)
            if request.method == "DELETE" and not data:
                return self._delete(project, dataset, table, partition)
        except NoTable:
            return Answer.error(404, "notFound", f"Not found: Table {project}:{dataset}.{table}${partition}")
        return Answer.error(501, "notImplemented", f"the shim does not know {request}")

    def _count(self, project: str, dataset: str, table: str, partition: str) -> int:
        where = f"= {_month(partition)}" if partition != "__NULL__" else "IS NULL"
        statement = f"SELECT count(*) FROM {dataset}.{table} WHERE {FILE_MONTH} {where}"
        return int(self.emulator.query(project, statement)[0][0])

    def _rows(self, request: Request, project: str, dataset: str, table: str, partition: str) -> Answer:
        has, wanted = self._columns(project, dataset, table), set(request.query["selectedFields"].split(","))
        if has is None:
            raise NoTable(table)
        assert wanted <= has.keys(), request
        names = ", ".join(f"`{name}`" for name in has if name in wanted)
        where = f"= {_month(partition)}" if partition != "__NULL__" else "IS NULL"
        begin, most = int(request.query.get("pageToken", 0)), int(request.query["maxResults"])
        found = self.emulator.query(
            project,
            f"SELECT {names}, count(*) OVER () FROM {dataset}.{table} WHERE {FILE_MONTH} {where} "
            f"LIMIT {min(most, self.largest_page)} OFFSET {begin}",
        )
        total = int(found[0][-1]) if found else 0
        rows = [{"f": [{"v": value} for value in row[:-1]]} for row in found]
        after = begin + len(rows)
        more = {"pageToken": str(after)} if after < total else {}
        return Answer.of({"kind": "bigquery#tableDataList", "totalRows": str(total), "rows": rows, **more})

    def _summary(self, request: Request, project: str, dataset: str, table: str) -> Answer:
        assert request.query["selectedFields"] == "partition_id,last_modified_time", request
        months = self.emulator.query(project, f"SELECT DISTINCT {FILE_MONTH} FROM {dataset}.{table}")
        ids = sorted(month.replace("-", "")[:6] if month else "__NULL__" for (month,) in months)
        rows = [
            {"f": [{"v": each}, {"v": str(self._changed.get(f"{project}:{dataset}.{table}${each}", 0))}]}
            for each in ids
        ]
        return Answer.of({"kind": "bigquery#tableDataList", "totalRows": str(len(rows)), "rows": rows})

    def _delete(self, project: str, dataset: str, table: str, partition: str) -> Answer:
        with self._writes:
            if not self._count(project, dataset, table, partition):
                label = f"{project}:{dataset}.{table}${partition}"
                return Answer.error(404, "notFound", f"Not found: Table {label}")
            month = _month(partition)
            self.emulator.query(project, f"DELETE FROM {dataset}.{table} WHERE {FILE_MONTH} = {month}")
        return Answer(204, b"")

    # uploads

    def _upload(self, request: Request, raw: bytes, headers: dict[str, str]) -> Answer:
        if request.method == "POST" and request.query["uploadType"] == "multipart":
            return self._insert(request.body or {}, BytesIO(_parts(raw, headers["content-type"])[1]))
        if request.method == "POST":
            upload_id = uuid4().hex
            self._uploads[upload_id] = _Upload(request.body or {})
            there = f"{self.endpoint}{request.path}?uploadType=resumable&upload_id={upload_id}"
            return Answer(200, b"", {"Location": there})
        upload = self._uploads[request.query["upload_id"]]
        if upload.answer is None:
            span = re.fullmatch(r"bytes (\d+|\*)(?:-(\d+))?/(\d+|\*)", headers["content-range"])
            assert span is not None, headers
            if span[1] != "*":
                upload.data.seek(int(span[1]))
                upload.data.write(raw)
            size = upload.data.seek(0, 2)
            if span[3] == "*" or int(span[3]) > size:
                return Answer(308, b"", {"Range": f"bytes=0-{size - 1}"} if size else {})
            upload.answer = self._insert(upload.job, upload.data)
        return upload.answer


@dataclass
class _Upload:
    job: dict[str, Any]
    data: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    answer: Answer | None = None


_SQL = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "STRING": "STRING", "DATETIME": "DATETIME", "DATE": "DATE"}


def _month(partition: str) -> str:
    return f"DATE '{partition[:4]}-{partition[4:6]}-01'"


def _now() -> str:
    return str(int(time.time() * 1000))


def _table_path(project: str, dataset: str, table: str) -> str:
    return f"{API}/projects/{project}/datasets/{dataset}/tables/{table}"


def _parts(raw: bytes, content_type: str) -> tuple[bytes, bytes]:
    """The two parts of a multipart upload: the job's JSON and the data."""
    boundary = b"--" + content_type.partition("boundary=")[2].strip('"').encode()
    _, first, rest = raw.split(boundary, 2)
    second = rest.rpartition(boundary)[0]
    return first.partition(b"\r\n\r\n")[2][:-2], second.partition(b"\r\n\r\n")[2][:-2]


def _ignore_who_left(_request: Any, _address: Any) -> None:
    """Clients that are killed do not wait for their answers."""
    if not isinstance(sys.exception(), ConnectionError):
        traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    shim: Shim
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: in two, each answer waits 40 ms for the client's delayed ACK

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        address = urlsplit(self.path)
        kind = headers.get("content-type", "")
        text = b""
        if kind.startswith("multipart/related"):
            text = _parts(raw, kind)[0]
        elif "json" in kind:
            text = raw
        request = Request(
            self.command, unquote(address.path), dict(parse_qsl(address.query)), json.loads(text) if text else None
        )
        self.shim.requests.append(request)
        fault = self.shim.fault(request)
        answer = (fault and fault.answer) or self.shim.answer(request, raw, headers)
        if fault and fault.answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 http.server's names

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests are recorded."""

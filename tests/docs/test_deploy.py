"""The definitions in deploy/cloudrun and deploy/aws-batch are what the providers' own descriptions of their APIs take.

Those descriptions are in the packages googleapiclient and botocore. What the definitions name exists: commands,
settings, files, exit codes, permissions. No cloud is reached: whether Google or Amazon runs them is not shown here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import boto3
import botocore.session
import pytest
import requests
import yaml
from botocore.validate import ParamValidator

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.storage import s3
from taxi_luigi.storage.s3 import S3Store
from tests.docs.documents import commands, luigi_flags, text_of, words
from tests.support.project import ROOT, environment
from tests.support.s3 import KEY, SECRET, S3Server

CLOUDRUN, BATCH = ROOT / "deploy" / "cloudrun", ROOT / "deploy" / "aws-batch"
IN_IMAGE = "/app/"
"""where the Dockerfile puts the checkout"""

# ---- Cloud Run -------------------------------------------------------------------------------------------------------

JOBS = {"backfill": CLOUDRUN / "backfill.yaml", "nightly": CLOUDRUN / "nightly.yaml"}
FILLED_IN = {
    "PROJECT": "my-project",
    "BUCKET": "my-bucket",
    "IMAGE": "us-central1-docker.pkg.dev/my-project/taxi-luigi/taxi_luigi:1",
}


@cache
def google(api: str) -> dict[str, Any]:
    """The schemas of an API, as Google describes it for its own clients."""
    document = files("googleapiclient.discovery_cache.documents").joinpath(f"{api}.json").read_text()
    schemas: dict[str, Any] = json.loads(document)["schemas"]
    return schemas


def faults(value: Any, schema: dict[str, Any], schemas: dict[str, Any], where: str = "") -> Iterator[str]:
    """What Google's schema does not take. Numbers of 64 bits are text in its JSON, and numbers in YAML."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kind = "integer" if schema.get("format") == "int64" else schema["type"]
    types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": float}
    if not isinstance(value, types[kind]):
        yield f"{where}: {value!r} is no {kind}"
    elif kind == "object":
        for key, each in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if below is None:
                yield f"{where}.{key} does not exist"
            else:
                yield from faults(each, below, schemas, f"{where}.{key}")
    elif kind == "array":
        for number, each in enumerate(value):
            yield from faults(each, schema["items"], schemas, f"{where}[{number}]")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"


def job(name: str) -> dict[str, Any]:
    """A job of Cloud Run, its variables filled in as envsubst does."""
    loaded: dict[str, Any] = yaml.safe_load(Template(JOBS[name].read_text()).substitute(FILLED_IN))
    return loaded


def task(name: str) -> dict[str, Any]:
    """The tasks of a job of Cloud Run."""
    found: dict[str, Any] = job(name)["spec"]["template"]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("name", JOBS)
def test_a_job_of_cloud_run_is_as_google_describes_it(name: str) -> None:
    described = google("run.v1")
    assert list(faults(job(name), described["Job"], described)) == []


def test_what_google_does_not_describe_is_found() -> None:
    described, spoilt = google("run.v1"), job("backfill")
    execution = spoilt["spec"]["template"]["spec"]
    execution["taskCounts"] = execution.pop("taskCount")
    execution["parallelism"] = "six"
    assert [line.partition(":")[0] for line in faults(spoilt, described["Job"], described)] == [
        ".spec.template.spec.parallelism",
        ".spec.template.spec.taskCounts does not exist",
    ]


def test_both_jobs_differ_in_nothing_but_what_they_load() -> None:
    """One image, one account, one set of variables; and the share of a task is what Cloud Run numbers it."""
    backfill, nightly = (dict(task(name)["containers"][0]) for name in JOBS)
    assert "--shard" in backfill.pop("args")
    assert "--shard" not in nightly.pop("args")
    assert backfill == nightly
    assert task("backfill")["serviceAccountName"] == task("nightly")["serviceAccountName"]
    assert job("nightly")["spec"]["template"]["spec"]["taskCount"] == 1


# ---- AWS Batch -------------------------------------------------------------------------------------------------------

PARAMETERS = {
    "Bucket": "my-bucket",
    "Subnets": ["subnet-1", "subnet-2"],
    "SecurityGroup": "sg-1",
    "PostgresUrl": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:taxi-luigi-AbCdEf",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::URLSuffix": "amazonaws.com",
}
API = {
    "AWS::Batch::ComputeEnvironment": ("batch", "CreateComputeEnvironment"),
    "AWS::Batch::JobQueue": ("batch", "CreateJobQueue"),
    "AWS::Batch::JobDefinition": ("batch", "RegisterJobDefinition"),
    "AWS::Scheduler::Schedule": ("scheduler", "CreateSchedule"),
    "AWS::ECR::Repository": ("ecr", "CreateRepository"),
}
"""a type of the template → the operation that CloudFormation calls with the same words, but for their first letter"""
OF_CLOUDFORMATION = {"ReplaceComputeEnvironment", "EmptyOnDelete"}
"""properties that the operation does not have"""


@cache
def template() -> dict[str, Any]:
    """The template with its references filled in: a resource stands for itself by its name."""

    class Loader(yaml.SafeLoader):
        pass

    def refer(name: str) -> Any:
        return given.get(name, f"arn:aws:of:{name}")

    def construct(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
            if tag == "Select":
                return value[1][value[0]]
            assert tag == "Split"
            return str(value[1]).split(value[0])
        assert isinstance(node, yaml.ScalarNode)
        text = str(loader.construct_scalar(node))
        match tag:
            case "Ref":
                return refer(text)
            case "Sub":
                return re.sub(r"\$\{([\w:]+)\}", lambda found: str(refer(found[1])), text)
        assert tag == "GetAtt"
        return refer(text.partition(".")[0])

    text, given = (BATCH / "template.yaml").read_text(), dict(PARAMETERS)
    Loader.add_multi_constructor("!", construct)
    for name, parameter in yaml.load(text, Loader)["Parameters"].items():
        given.setdefault(name, parameter.get("Default"))
    loaded: dict[str, Any] = yaml.load(text, Loader)
    return loaded


def resource(name: str) -> dict[str, Any]:
    """The properties of one resource."""
    found: dict[str, Any] = template()["Resources"][name]["Properties"]
    return found


def to_api(value: Any, shape: Any, where: str) -> Any:
    """Properties of CloudFormation as the words of the API, which begin with a small letter in some of them.

    Fails for what is none of an enumeration's values: botocore's own validator does not look at those.
    """
    if shape.type_name == "structure":
        known = {name[0].upper() + name[1:]: name for name in shape.members}
        assert value.keys() - OF_CLOUDFORMATION <= known.keys(), where
        return {
            known[key]: to_api(each, shape.members[known[key]], f"{where}.{key}")
            for key, each in value.items()
            if key in known
        }
    if shape.type_name == "list":
        return [to_api(each, shape.member, where) for each in value]
    assert value in (getattr(shape, "enum", None) or [value]), f"{where}: {value} is none of {shape.enum}"
    return value


def check_request(service: str, operation: str, properties: Any) -> None:
    """Fails for properties that the operation does not take."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(to_api(properties, shape, operation), shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("name", [name for name, each in template()["Resources"].items() if each["Type"] in API])
def test_a_resource_is_as_amazon_describes_it(name: str) -> None:
    kind = template()["Resources"][name]["Type"]
    named = {"ComputeEnvironmentName": "by CloudFormation"} if kind == "AWS::Batch::ComputeEnvironment" else {}
    check_request(*API[kind], resource(name) | named)


def test_what_the_schedule_sends_is_a_job_of_ours() -> None:
    submitted = json.loads(resource("Nightly")["Target"]["Input"])
    check_request("batch", "SubmitJob", submitted)
    assert (submitted["JobQueue"], submitted["JobDefinition"]) == ("arn:aws:of:Queue", "arn:aws:of:Job")
    assert resource("ScheduleRole")["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"] == [
        submitted["JobQueue"],
        submitted["JobDefinition"],
    ]


def test_what_amazon_does_not_describe_is_found() -> None:
    misspelt = {**resource("Job"), "RetryStrategies": {}}
    with pytest.raises(AssertionError, match="RegisterJobDefinition"):
        check_request("batch", "RegisterJobDefinition", misspelt)
    with pytest.raises(AssertionError, match="is none of"):
        check_request("batch", "CreateJobQueue", {**resource("Queue"), "State": "ON"})
    with pytest.raises(AssertionError, match="Invalid type"):
        check_request(
            "batch", "RegisterJobDefinition", {**resource("Job"), "Timeout": {"AttemptDurationSeconds": "1 h"}}
        )


def test_every_policy_is_one() -> None:
    """The shape of IAM's documents; what the job's own may do, the next test shows."""
    roles = [each["Properties"] for each in template()["Resources"].values() if each["Type"] == "AWS::IAM::Role"]
    assert len(roles) == 3
    documents = [each["PolicyDocument"] for role in roles for each in role["Policies"]]
    for document in [*documents, *(role["AssumeRolePolicyDocument"] for role in roles)]:
        assert document["Version"] == "2012-10-17"
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            assert re.fullmatch(r"[a-z0-9]+:[A-Z]\w+( [a-z0-9]+:[A-Z]\w+)*", " ".join(_listed(statement["Action"])))
            assert ("Principal" in statement) != ("Resource" in statement)
            assert "*" not in _listed(statement.get("Resource", [])), "not everything of the account"


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def job_policy() -> dict[str, Any]:
    """What the containers may do."""
    [policy] = resource("JobRole")["Policies"]
    found: dict[str, Any] = policy["PolicyDocument"]
    return found


def test_the_job_may_do_what_errors_name() -> None:
    named = set(re.findall(r"s3:\w+", s3._NEEDED)) | {"s3:ListBucket"}
    assert {action for each in job_policy()["Statement"] for action in _listed(each["Action"])} == named


@contextmanager
def allowed(server: S3Server, policy: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A key of an account that may do what the policy allows, on a server that holds it to that."""
    iam = boto3.client(
        "iam", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )
    user = f"job-{id(policy)}"
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="job", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    requests.post(f"{server.url}/moto-api/reset-auth", data="0", timeout=30).raise_for_status()
    try:
        yield key["AccessKeyId"], key["SecretAccessKey"]
    finally:
        requests.post(f"{server.url}/moto-api/reset-auth", data="inf", timeout=30).raise_for_status()


def use(store: S3Store, folder: Path) -> None:
    """All that a lake and a workspace do."""
    for name, size in (("small", 1), ("large", 6 << 20)):
        (folder / name).write_bytes(b"x" * size)
        store.put(folder / name, name, {})
    store.copy(store, "small", "copied", {})
    assert store.list("").keys() == {"small", "large", "copied"}
    with store.reading("large") as path:
        assert path.stat().st_size == 6 << 20
    assert store.open("copied").read() == b"x"
    store.remove("large")


@pytest.mark.parametrize("lacks", ["", "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"])
def test_the_job_can_use_its_bucket_and_needs_each_permission(
    lacks: str, moto_server: S3Server, aws_variables: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All but AbortMultipartUpload, which an upload that goes well does not call."""
    bucket = moto_server.bucket()
    policy = json.loads(
        json.dumps(job_policy()).replace("my-bucket", bucket).replace(f'"{lacks}"', '"s3:GetBucketAcl"')
    )
    with allowed(moto_server, policy) as (key, secret):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        settings = S3Store.Settings(bucket, endpoint_url=moto_server.url, region="us-east-1", chunk_size=5)
        store = S3Store("lake s3", settings)
        if lacks:
            with pytest.raises(ConfigError, match=lacks):
                use(store, tmp_path)
        else:
            use(store, tmp_path)


def test_the_queue_does_not_repeat_what_would_end_the_same() -> None:
    """Exit codes as config/luigi.cfg has them, and argparse's 2; deploy/kubernetes ends by the same."""
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "config" / "luigi.cfg")
    final = {2, settings.getint("retcode", "missing_data"), settings.getint("retcode", "unhandled_exception")}
    rules = resource("Job")["RetryStrategy"]["EvaluateOnExit"]
    assert len(rules) <= 5, "Amazon takes no more; what none of them matches is tried again"
    assert {int(rule["OnExitCode"]) for rule in rules if rule["Action"] == "EXIT"} == final
    each = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "base" / "job.yaml").read_text())
    policy = each["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    ending = [rule["onExitCodes"]["values"] for rule in policy if rule["action"].startswith("Fail")]
    assert {code for values in ending for code in values} == final


def test_the_one_folder_that_can_be_written_is_the_images_volume() -> None:
    container = resource("Job")["ContainerProperties"]
    assert container["ReadonlyRootFilesystem"] is True
    [mount] = container["MountPoints"]
    assert f"VOLUME {mount['ContainerPath']}\n" in (ROOT / "Dockerfile").read_text()
    assert {"Name": "TMPDIR", "Value": mount["ContainerPath"]} in container["Environment"]


# ---- both ------------------------------------------------------------------------------------------------------------


def started() -> dict[str, tuple[list[str], dict[str, str]]]:
    """What each definition starts → the words of luigi, and its variables; a secret's value is an address."""
    of_google = {name: task(name)["containers"][0] for name in JOBS}
    found = {
        name: (each["args"], {one["name"]: one["value"] for one in each["env"]}) for name, each in of_google.items()
    }
    container = resource("Job")["ContainerProperties"]
    given = {f"Ref::{name}": value for name, value in resource("Job")["Parameters"].items()}
    variables = {each["Name"]: each["Value"] for each in container["Environment"]}
    secrets = {each["Name"]: "postgresql://taxi:secret@db.example.com/taxi" for each in container["Secrets"]}
    found["batch"] = ([given.get(word, word) for word in container["Command"]], variables | secrets)
    return found


STARTED = started()


@pytest.mark.parametrize("name", STARTED)
def test_a_container_runs_a_command_that_exists(name: str) -> None:
    words, _ = STARTED[name]
    luigi_flags(["--module", "taxi_luigi", *words])
    months = words[words.index("--months") + 1]
    assert months in ("all", "latest"), "a month that is named and not published ends a run with 20, a failure there"


@pytest.mark.parametrize("name", STARTED)
def test_the_layer_of_a_container_is_valid_with_its_variables(name: str, tmp_path: Path) -> None:
    variables = STARTED[name][1] | {"TMPDIR": str(tmp_path)}
    layer = ROOT / variables["LUIGI_CONFIG_PATH"].removeprefix(IN_IMAGE)
    assert layer.is_file()
    code = (
        "import json; from taxi_luigi import config; from taxi_luigi.runs.task import check_settings; check_settings();"
        "found = config.settings();"
        "print(json.dumps([found.workspace, found.warehouses, found.keep_clean]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(variables | {"LUIGI_CONFIG_PATH": str(layer)}),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    workspace, [warehouse], keep_clean = json.loads(done.stdout)
    assert workspace.endswith("://my-bucket/work")
    assert warehouse in ("bigquery", "postgres"), "DuckDB has one writer"
    assert keep_clean is False


def test_the_array_of_slurm_runs_a_command_that_exists() -> None:
    [line] = [each for each in commands(text_of(ROOT / "docs" / "scale.md")) if each.startswith("sbatch ")]
    _, _, wrapped = words(line)[-1].partition("--wrap=")
    assert words(wrapped)[0] == "luigi"
    luigi_flags(words(wrapped)[1:])

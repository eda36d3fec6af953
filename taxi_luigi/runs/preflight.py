"""What is looked at before the first byte is downloaded, so that a setting that cannot work costs no download.

`check` is for a run and asks the clouds alone; `look` is `taxi-luigi doctor`, and asks everything that luigi.cfg names.
Wrong configuration stops a run. A store that does not answer never does: its tasks will say so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from taxi_luigi import config
from taxi_luigi.core.concurrency import ask_all
from taxi_luigi.core.errors import ConfigError, TaxiError
from taxi_luigi.core.health import Check, Status
from taxi_luigi.core.logs import log
from taxi_luigi.core.redaction import public_url
from taxi_luigi.core.text import several
from taxi_luigi.runs import scheduler_client
from taxi_luigi.sources import Published
from taxi_luigi.storage import is_remote
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month

_KNOWN = ("yellow", Month(2024, 1))
"""a month that TLC has, and whoever mirrors it probably too"""


def check(wanted: Mapping[str, Sequence[Month]]) -> None:
    """Raises ConfigError for what is wrong with a cloud store that is named, or when it refuses a month of a color."""
    wrong, clouds = [], list(_clouds())
    silent = {finding.place for finding in clouds if finding.verdict is Status.UNREACHABLE}
    for finding in (*clouds, *_refused(wanted, silent)):
        if finding.verdict is Status.ERROR:
            wrong.append(finding.line)
        else:
            log.debug("%s, %s: %s", finding.place, finding.what, finding.line)
    if wrong:
        more = f" (and {len(wrong) - 1} more: run taxi-luigi doctor)" if len(wrong) > 1 else ""
        raise ConfigError(wrong[0] + more)


def look() -> Iterator[Check]:
    """Everything that luigi.cfg names, one finding after the other, as they are found."""
    if not is_remote(config.settings().workspace):
        yield from config.workspace().findings()
    yield _source()
    for name in config.settings().lakes:
        if config.lake_type(name) == "local" and name != "local":
            yield from config.lake(name).store.findings()
    for name in config.settings().warehouses:
        if not config.loads_from(name):
            yield from config.warehouse(name).findings()
    yield from _clouds()
    for name in config.settings().warehouses:
        if config.loads_from(name):
            yield from _foreign(name)
    yield from _luigid()


def _clouds() -> Iterator[Check]:
    """All asked at once, so that those that do not answer cost the time of one; then what two of them need."""
    settings = config.settings()
    warehouses = [name for name in settings.warehouses if config.loads_from(name)]
    looks: dict[str, Callable[[], Sequence[Check]]] = {}
    if is_remote(settings.workspace):
        looks["workspace"] = config.workspace().findings
    for name in settings.lakes:
        if config.lake_type(name) != "local":
            looks[f"lake {name}"] = config.lake(name).store.findings
    looks |= {f"warehouse {name}": config.warehouse(name).findings for name in warehouses}
    bad = set()
    for place, found in ask_all(looks).items():
        if isinstance(found, TaxiError):
            raise found
        yield from found
        if any(finding.verdict in (Status.ERROR, Status.UNREACHABLE) for finding in found):
            bad.add(place)
    for name in warehouses:
        lake = config.lake_for(name)
        if not bad & {f"warehouse {name}", "workspace" if lake is None else f"lake {lake}"}:
            yield from _locations(name)


def _foreign(name: str) -> Iterator[Check]:
    """Tables of our names that somebody else made: no reason not to begin, as a run may want other record types."""
    try:
        for line in config.warehouse(name).foreign():
            yield Check(f"warehouse {name}", "table", Status.ERROR, line)
    except TaxiError:  # a finding of that warehouse's own
        return


def _locations(name: str) -> Iterator[Check]:
    """Whether BigQuery can load from the bucket that it will be told to; none where it is sent a local file."""
    from taxi_luigi.storage.gcs import GcsStore
    from taxi_luigi.warehouses.bigquery import BigQuery
    from taxi_luigi.warehouses.bigquery.locations import compatible

    lake, what = config.lake_for(name), "location"
    store = config.clean_lake().store if lake is None else config.lake(lake).store
    warehouse = config.warehouse(name)
    if not isinstance(store, GcsStore) or not isinstance(warehouse, BigQuery):
        return
    try:
        bucket, dataset = store.location(), warehouse.location()
    except TaxiError:  # a finding of that store's own
        return
    if bucket is None or dataset is None:
        return
    where = f"{store.url('')} is in {bucket}, the dataset of warehouse {name} in {dataset}"
    if compatible(bucket, dataset):
        yield Check(f"warehouse {name}", what, Status.OK, where)
        return
    cure = "BigQuery loads only from a bucket in its own location: make one of the two anew where the other is"
    yield Check(f"warehouse {name}", what, Status.ERROR, f"{where}; {cure}, and set it in luigi.cfg")


def _refused(wanted: Mapping[str, Sequence[Month]], silent: Collection[str]) -> Iterator[Check]:
    for name in config.settings().warehouses:
        if f"warehouse {name}" in silent:
            continue
        for color, months in wanted.items():
            try:
                refused = config.warehouse(name).refused(DATASETS[color], months)
            except ConfigError:
                return  # a finding of that warehouse's own
            except TaxiError as error:
                yield Check(f"warehouse {name}", "expiration", Status.UNREACHABLE, str(error))
                return
            for why in list(refused.values())[:1]:
                also = f"; so it is with {several(map(str, refused))}" if len(refused) > 1 else ""
                yield Check(f"warehouse {name}", "expiration", Status.ERROR, why + also)


def _source() -> Check:
    color, month = _KNOWN
    source = config.source()
    look = source.look(color, month)
    if look.published is Published.YES:
        return Check("source", "file", Status.OK, source.url(color, month))
    if look.published is Published.NO:
        return Check("source", "file", Status.UNKNOWN, f"{source.url(color, month)} is not there; others may be")
    return Check("source", "file", Status.UNREACHABLE, look.why)


def _luigid() -> Iterator[Check]:
    address = public_url(scheduler_client.address())
    if not scheduler_client.answers():
        line = f"{address} does not answer, or refuses us: taxi-luigi luigid start, or give --local-scheduler"
        yield Check("luigid", "server", Status.UNREACHABLE, line)
        return
    yield Check("luigid", "server", Status.OK, address)
    found = scheduler_client.compared()
    if found is None:
        return
    if found.others:
        yield Check("luigid", "settings", Status.ERROR, str(found))
    elif found.seen:
        yield Check("luigid", "settings", Status.OK, "[scheduler] and [resources] as here")
    else:
        line = "[resources] as here; a plain luigid does not show its [scheduler], one of taxi-luigi luigid start does"
        yield Check("luigid", "settings", Status.UNKNOWN, line)

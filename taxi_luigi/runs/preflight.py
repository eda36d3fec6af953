"""The health checks before a run: wrong configuration must not cost a download.

`check` is for a run and checks the clouds alone; `checks`, for `taxi-luigi doctor`, is of everything in luigi.cfg.
An ERROR stops a run. A store that is UNREACHABLE does not: its own tasks will fail.
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
from taxi_luigi.core.units import plural, size
from taxi_luigi.runs import scheduler_client
from taxi_luigi.sources import Published
from taxi_luigi.storage import is_remote
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month

_KNOWN = ("yellow", Month(2024, 1))
"""a month that TLC publishes, and most mirrors have"""


def check(wanted: Mapping[str, Sequence[Month]]) -> None:
    """Check the cloud stores in luigi.cfg, all at once.

    Args:
        wanted: the months to be loaded, by color
    Raises: ConfigError, with the first error, when a check fails or a warehouse would not keep one of the months
    """
    wrong, clouds = [], list(_clouds())
    unreachable = {check.place for check in clouds if check.status is Status.UNREACHABLE}
    for check in (*clouds, *_refused(wanted, unreachable)):
        if check.status is Status.ERROR:
            wrong.append(check.message)
        else:
            log.debug("%s, %s: %s", check.place, check.what, check.message)
    if wrong:
        more = f" (and {len(wrong) - 1} more: run taxi-luigi doctor)" if len(wrong) > 1 else ""
        raise ConfigError(wrong[0] + more)


def checks() -> Iterator[Check]:
    """Yield the checks of everything in luigi.cfg, as each is done."""
    if not is_remote(config.settings().workspace):
        yield from config.workspace().checks()
    yield from _leftovers()
    yield _source()
    for name in config.settings().lakes:
        if config.lake_type(name) == "local" and name != "local":
            yield from config.lake(name).store.checks()
    for name in config.settings().warehouses:
        if not config.loads_from(name):
            yield from config.warehouse(name).checks()
    yield from _clouds()
    for name in config.settings().warehouses:
        if config.loads_from(name):
            yield from _foreign(name)
    yield from _luigid()


def _leftovers() -> Iterator[Check]:
    """Yield a check where raw files have the names of an earlier source: nothing is wrong, they take room."""
    from taxi_luigi.inventory.leftovers import leftovers  # not on the path of a run

    try:
        found = leftovers()
    except TaxiError:  # the workspace's own checks have it
        return
    if found:
        line = f"{plural(len(found), 'file')} of an earlier source, {size(sum(found.values()))}: taxi-luigi tidy"
        yield Check("workspace", "leftovers", Status.OK, f"{line} shows and removes them")


def _clouds() -> Iterator[Check]:
    """Check the stores in a cloud, concurrently, so that unreachable ones cost the time of one; then the locations."""
    settings = config.settings()
    warehouses = [name for name in settings.warehouses if config.loads_from(name)]
    by_place: dict[str, Callable[[], Sequence[Check]]] = {}
    if is_remote(settings.workspace):
        by_place["workspace"] = config.workspace().checks
    for name in settings.lakes:
        if config.lake_type(name) != "local":
            by_place[f"lake {name}"] = config.lake(name).store.checks
    by_place |= {f"warehouse {name}": config.warehouse(name).checks for name in warehouses}
    failing = set()
    for place, found in ask_all(by_place).items():
        if isinstance(found, TaxiError):
            raise found
        yield from found
        if any(check.failing for check in found):
            failing.add(place)
    for name in warehouses:
        lake = config.lake_for(name)
        if not failing & {f"warehouse {name}", "workspace" if lake is None else f"lake {lake}"}:
            yield from _locations(name)


def _foreign(name: str) -> Iterator[Check]:
    """Yield tables with our names that are not ours. They do not stop a run, which may load other record types."""
    try:
        for line in config.warehouse(name).foreign():
            yield Check(f"warehouse {name}", "table", Status.ERROR, line)
    except TaxiError:  # the warehouse's own checks have it
        return


def _locations(name: str) -> Iterator[Check]:
    """Check whether BigQuery can load from its lake's bucket; nothing where local files are uploaded."""
    from taxi_luigi.storage.gcs import GcsStore
    from taxi_luigi.warehouses.bigquery import BigQuery, compatible

    lake, what = config.lake_for(name), "location"
    store = config.clean_lake().store if lake is None else config.lake(lake).store
    warehouse = config.warehouse(name)
    if not isinstance(store, GcsStore) or not isinstance(warehouse, BigQuery):
        return
    try:
        bucket, dataset = store.location(), warehouse.location()
    except TaxiError:  # the store's own checks have it
        return
    if bucket is None or dataset is None:
        return
    where = f"{store.url('')} is in {bucket}, the dataset of warehouse {name} in {dataset}"
    if compatible(bucket, dataset):
        yield Check(f"warehouse {name}", what, Status.OK, where)
        return
    cure = "BigQuery loads only from a bucket in its own location: make one of the two anew where the other is"
    yield Check(f"warehouse {name}", what, Status.ERROR, f"{where}; {cure}, and set it in luigi.cfg")


def _refused(wanted: Mapping[str, Sequence[Month]], unreachable: Collection[str]) -> Iterator[Check]:
    """Yield a check for each warehouse and color with months that the warehouse would delete at once."""
    for name in config.settings().warehouses:
        if f"warehouse {name}" in unreachable:
            continue
        for color, months in wanted.items():
            try:
                refused = config.warehouse(name).refused(DATASETS[color], months)
            except ConfigError:
                return  # the warehouse's own checks have it
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
    if scheduler_client.is_local():
        return
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

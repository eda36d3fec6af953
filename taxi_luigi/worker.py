"""The seam into Luigi: its worker, as `luigi`, `luigi.run` and `luigi.build` make it while this package is imported.

All that a run of ours does at its start and its end is in here. Luigi has no public place for it (3.8.1): its private
names that we need, `luigi.interface._WorkerSchedulerFactory` and the worker's `_add_task_history`, are used in this
file alone, and tests/unit/test_worker.py fails where a Luigi has them not.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from typing import Any

import luigi.interface
from luigi.scheduler import PENDING

from taxi_luigi import config, others
from taxi_luigi.tasks import CleanMonth, DownloadMonth, Idle
from taxi_luigi.tasks.base import PipelineTask, families

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""numpy and pyarrow begin a thread each while they are imported, which a fork would leave behind: neither is used here
(we multiply no matrices, and pyarrow 26 takes its memory from mimalloc)."""


class Worker(luigi.worker.Worker):
    """Luigi's, which runs what `add` was given."""

    def __init__(self, assistant: bool, **kwargs: Any) -> None:
        super().__init__(assistant=assistant, **kwargs)
        self._helps = assistant

    def run(self) -> bool:
        """Everything is scheduled, and no task has been forked yet."""
        to_run = [task for task, status, runnable in self._add_task_history if status == PENDING and runnable]
        ours = [task for task in to_run if isinstance(task, PipelineTask)]
        helping = self._helps and any(isinstance(task, Idle) for task, *_ in self._add_task_history)
        if ours or helping:
            import_once({*_imports_of_any()} if helping else {name for task in ours for name in task.imports})
        if ours or helping:
            others.take_over(families().keys(), self, self._helps)
        return bool(super().run())


def import_once(modules: set[str]) -> None:
    """Imports what tasks need before they are forked, each of which would import it again: 0.5 s of CPU a month."""
    for name, value in _ONE_THREAD.items():
        os.environ.setdefault(name, value)
    for module in sorted(modules):
        import_module(module)


def _imports_of_any() -> set[str]:
    """What the tasks of others may need, which a worker that helps is handed one by one."""
    loads = (config.warehouse(name).imports for name in config.settings().warehouses)
    return {*DownloadMonth.imports, *CleanMonth.imports, *(module for modules in loads for module in modules)}


class Factory(luigi.interface._WorkerSchedulerFactory):
    """Makes our worker where Luigi would make its own."""

    def create_worker(self, scheduler: Any, worker_processes: int, assistant: bool = False) -> Worker:
        # Python takes signal handlers, of which Luigi's worker sets one, from the main thread alone
        elsewhere = threading.current_thread() is not threading.main_thread()
        more = {"no_install_shutdown_handler": True} if elsewhere else {}
        return Worker(assistant, scheduler=scheduler, worker_processes=worker_processes, **more)


def install() -> None:
    """Called once, when the package is imported."""
    luigi.interface._WorkerSchedulerFactory = Factory

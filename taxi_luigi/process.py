"""An alias for one version: settings of users name `[worker] task_process_context` here."""

from taxi_luigi.runs.signals import TaskProcess

__all__ = ["TaskProcess"]

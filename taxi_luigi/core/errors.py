"""The failures that a user can cause or meet, each with a text of one line.

The text is what is wrong, where, and what to do about it. The code that catches a `TaxiError` prints that line alone;
any other exception is a defect of ours and keeps its traceback.
"""

RUN_AGAIN = "run the same command again"
"""the cure of what another run, a server or a full disk has interrupted"""


def force_command(color: str, month: object) -> str:
    """Return the command that downloads, cleans and loads a month again."""
    return f"luigi --module taxi_luigi LoadAllMonths --colors {color} --months {month} --force"


class TaxiError(Exception):
    """A failure whose `str()` is one line for the user who runs the pipeline."""


class ConfigError(TaxiError):
    """A setting in luigi.cfg is unknown, missing or malformed."""


class UsageError(TaxiError):
    """An argument of the command line is invalid: a color, a month, a range."""


class SourceError(TaxiError):
    """A month's file could not be fetched from the publisher's server or folder."""


class BadFile(TaxiError):
    """A file is unusable: cut short, a web page, damaged."""


class LayoutError(BadFile):
    """The file can be read, but its columns do not make trips of this color."""


class AccountError(TaxiError):
    """Two independent counts of rows differ, so nothing was published."""


class StorageError(TaxiError):
    """A lake or the workspace cannot be read or written: permissions, a full disk."""


class Replaced(StorageError):
    """A file that a task read or had just written was replaced meanwhile, as a rule by a run at the same time."""


def replaced_meanwhile(what: object) -> Replaced:
    """Return the error for a file, object or month that was replaced; `what` is its address or name."""
    return Replaced(f"{what}: another run replaced it meanwhile; {RUN_AGAIN}")


class LaterVersion(StorageError):
    """A later version of taxi_luigi made a file, which this one does not replace."""


def made_later(where: object, why: str) -> LaterVersion:
    """Return the error for a file of a later version; `why` is how that shows."""
    return LaterVersion(
        f"{where}: a later version of taxi_luigi made it ({why}), so it is not replaced; upgrade this one"
    )


class WarehouseError(TaxiError):
    """A warehouse refused a request, broke off, or is not there."""


class WarehouseBusy(WarehouseError):
    """Another process kept the warehouse locked for longer than the configured wait."""


class DamagedCopy(BadFile):
    """The bytes of a raw file are not those that were downloaded."""


class Refusal(BadFile):
    """A month's file is beyond what `[clean]` allows, or worse than what is held; what is held stays."""

    def __init__(self, line: str, check: str, records: int | None = None) -> None:
        super().__init__(line)
        self.check = check
        """no_record, most_rejected, missing_columns, held_columns, fewest_rows or unknown_columns"""
        self.records = records
        """of the file that was refused, where the check is about their number"""


class ForeignTable(WarehouseError):
    """A table, view or other object has the name of one of our tables, and taxi_luigi did not make it."""

"""The least that luigi can be asked to do: a wrapper over nothing."""

import luigi


class Empty(luigi.WrapperTask):
    """Complete from the start."""

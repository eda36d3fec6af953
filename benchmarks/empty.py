"""The smallest task that luigi can run: a wrapper over nothing."""

import luigi


class Empty(luigi.WrapperTask):
    """Complete from the start."""

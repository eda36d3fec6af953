"""`python -m taxi_luigi.cli`: the same command, by the interpreter that has the package."""

import sys

from taxi_luigi.cli import main

sys.exit(main())

"""The report: what is held, month by month, as one HTML page that needs no network.

accounts.py  receipts and missing values, from the footers of clean files; loading times, from the history
tables.py    the numbers of one color as pandas tables
layouts.py   which columns TLC's files had when
words.py     numbers as people read them
charts.py    the charts, drawn by matplotlib; svg.py makes their SVG fit into the page
overview.py  the top of the page; sections.py and quality.py are one color; parts.py is what these are made of
page.py      puts all of it together into page.html
"""

from taxi_luigi.reports.html.page import Page, digest, write

__all__ = ["Page", "digest", "write"]

"""The report: the held months of every record type as one HTML page that needs no network.

data.py      receipts from the footers of clean files, times from the history, and pandas tables of both
parts.py     the elements of the page, and numbers as text
charts.py    the charts, drawn by matplotlib and adapted to the page
sections.py  the top of the page and the section of each record type; quality.py and trips.py have its figures
run_page.py  the page of one run, run.html
page.py      the page's file, its digest, and the rendering of page.html
"""

from taxi_luigi.reports.html.page import Glance, Page, digest, glance, write

__all__ = ["Glance", "Page", "digest", "glance", "write"]

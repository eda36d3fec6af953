"""The place in Google Cloud that scripts/check-gcp names, or the emulators, each lying where it is known to lie."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support import google
from tests.support.google import Place


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Where to make what the tests need."""
    told = google.given()
    if told is not None:
        yield told  # who told it also sweeps it
        return
    made = _of_emulators(request)
    yield made
    made.sweep()


def _of_emulators(request: pytest.FixtureRequest) -> Place:
    from tests.support.bigquery import PROJECT

    storage, bigquery = request.getfixturevalue("fake_gcs"), request.getfixturevalue("bigquery_server")
    # US, from where a dataset takes any bucket: fake-gcs-server puts all of its own into US-CENTRAL1
    where = (PROJECT, storage.fresh_bucket(), "trips", "US", uuid4().hex[:6])
    return Place(*where, storage=storage.endpoint, bigquery=bigquery.endpoint)


@pytest.fixture
def dataset(place: Place) -> str:
    """An empty dataset."""
    return place.fresh_dataset()

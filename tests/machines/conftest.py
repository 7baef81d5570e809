import pytest
from odoo_nodes import Cluster


@pytest.fixture(scope="module")
def make_cluster():
    """Return a function KIND → Cluster on a fresh clone of that kind of database (scripts/db); dropped in the end."""
    clusters = []

    def make(kind):
        clusters.append(Cluster(kind))
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.stop()

"""One DAG for each schedule of meltano.yml, and a second one for the backfill if the schedule reads Stripe.

See docs/scale.md. Airflow needs MELTANO_PROJECT_ROOT, a pool, and the other variables on that page if they differ.
"""

from __future__ import annotations

import stripe_flow_dags as dags
import stripe_flow_runs as runs

_found, _faults = dags.made(runs.schedules(dags.PROJECT))
for _fault in _faults:
    runs.LOG.warning("%s", _fault)
globals().update(_found)

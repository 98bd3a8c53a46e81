"""Fails to import while a schedule of meltano.yml lacks a DAG: Airflow shows its reasons among the import errors.

The DAGs of the other schedules are in meltano_schedules.py, which an error here leaves alone.
"""

from __future__ import annotations

import stripe_flow_dags as dags
import stripe_flow_schedules

_listed = stripe_flow_schedules.listed(dags.PROJECT.root)
_faults = [*_listed.faults, *dags.made(_listed.schedules)[1]]
if _faults:
    raise ValueError("\n".join(["schedules of meltano.yml that lack a DAG:", *_faults]))

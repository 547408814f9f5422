"""What a run costs: estimated before, from what each assertion sends, and summed up after, from what was billed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

from google.api_core import exceptions as api
from google.cloud import bigquery

from conformance.assertion import Assertion, Effort

# On demand, in US multi-regions: https://cloud.google.com/bigquery/pricing#on_demand_pricing
USD_A_TIB = 6.25
# Each table that a statement reads is billed as 10 MB at least, and so is each statement (same page).
MINIMUM_BYTES = 10 * 1024**2
# No job of a run may bill more: a mistake in a statement costs a cent at most.
MAXIMUM_BYTES_BILLED = 1024**3

# Datasets, tables, seeds and inputs, made once: see `conformance.place.Place.prepare`.
SETUP = Effort(statements=20, tables=24, seconds=40)

_READERS = 8
_CALL_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run will take on a real project, at most."""

    effort: Effort

    @property
    def usd(self) -> float:
        return self.effort.tables * MINIMUM_BYTES / 1024**4 * USD_A_TIB + self.effort.further_usd

    @property
    def derivation(self) -> str:
        further = f", and ${self.effort.further_usd:.2f} for builds and the function" if self.effort.further_usd else ""
        queries = self.usd - self.effort.further_usd
        return (
            f"{self.effort.statements} statements touch {self.effort.tables} tables, each billed as 10 MiB at least: "
            f"{self.effort.tables * 10:,} MiB at ${USD_A_TIB} a TiB = ${queries:.4f}{further}"
        )


def estimate(assertions: Iterable[Assertion]) -> Estimate:
    """The sum over the assertions, and what is made for them all."""
    efforts = [SETUP, *(assertion.effort for assertion in assertions)]
    return Estimate(
        effort=Effort(
            statements=sum(effort.statements for effort in efforts),
            tables=sum(effort.tables for effort in efforts),
            seconds=sum(effort.seconds for effort in efforts),
            further_usd=sum(effort.further_usd for effort in efforts),
        )
    )


@dataclass(slots=True)
class Bill:
    """The jobs of a run, and what they were billed."""

    jobs: list[tuple[bigquery.Client, str]] = field(default_factory=list)
    _mutex: Lock = field(default_factory=Lock)

    def note(self, client: bigquery.Client, job_id: str) -> None:
        """A job is about to be sent by a client."""
        with self._mutex:
            self.jobs.append((client, job_id))

    def billed_bytes(self) -> int | None:
        """The bytes that BigQuery billed for all of them; None if it reports none, as an emulator does."""
        with ThreadPoolExecutor(_READERS) as pool:
            billed = [found for found in pool.map(self._billed, self.jobs) if found is not None]
        return sum(billed) if billed else None

    @staticmethod
    def _billed(job: tuple[bigquery.Client, str]) -> int | None:
        client, job_id = job
        try:
            found = client.get_job(job_id, timeout=_CALL_SECONDS)
        except (api.GoogleAPICallError, ConnectionError):
            return None  # it was never accepted
        return getattr(found, "total_bytes_billed", None)


def usd_of(billed_bytes: int) -> float:
    """What these bytes cost on demand."""
    return billed_bytes / 1024**4 * USD_A_TIB

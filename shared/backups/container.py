"""The container's side: what lies there, and what an attempt that ended must not leave there.

Whose a blob is, is in its metadata: an attempt removes its own and its job's earlier ones, and
never another's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.backups.model import MANIFEST_SUFFIX, Manifest, day_prefix, safe_name
from shared.backups.stream import storage
from shared.errors import BelfryError, Damaged
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

_DAYS_BACK = 7


def list_backups(container: ContainerClient, database: str) -> Iterator[Manifest]:
    """The manifests of a database's backups, oldest first. Raises `Damaged` for an unreadable."""
    with storage(container.container_name):
        for name in container.list_blob_names(name_starts_with=f"{safe_name(database)}/"):
            if name.endswith(MANIFEST_SUFFIX):
                text = container.download_blob(name).readall()
                try:
                    yield Manifest.from_json(json.loads(text))
                except (ValueError, TypeError, AttributeError) as error:
                    raise Damaged(f"{name} is not a manifest: {error}") from error


def create(container: ContainerClient) -> None:
    """Create the container if need be; one who may not create may still write."""
    from azure.core.exceptions import HttpResponseError, ResourceExistsError

    with storage(container.container_name):
        try:
            container.create_container()
        except ResourceExistsError:
            return
        except HttpResponseError as error:
            if error.status_code != 403:
                raise


def remove_earlier(container: ContainerClient, database: str, job: JobContext) -> None:
    """Remove what earlier attempts of this job left unproved."""
    day = job.clock.now()
    first = max(job.due_at, day - timedelta(days=_DAYS_BACK)).date()
    with storage(container.container_name):
        while day.date() >= first:
            prefix = day_prefix(database, day)
            for item in container.list_blobs(name_starts_with=prefix, include=["metadata"]):
                known = item.metadata or {}
                if known.get("job_id") == plain(job.job_id) and known.get("verified") != "true":
                    job.log("removing what an earlier attempt left", blob=item.name)
                    container.delete_blob(item.name)
            day -= timedelta(days=1)


def remove(blob: BlobClient, backup_id: str) -> None:
    """Remove the blob if it is that backup's; what cannot be removed stays marked not verified."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceModifiedError

    with suppress(BelfryError), storage(blob.container_name), suppress(ResourceModifiedError):
        found = blob.get_blob_properties()
        if found.metadata.get("backup_id") == backup_id:
            blob.delete_blob(etag=found.etag, match_condition=MatchConditions.IfNotModified)


def plain(text: str) -> str:
    """Metadata must be ASCII."""
    return quote(text, safe=" :/@")

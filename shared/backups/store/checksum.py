"""The file for `sha256sum -c` beside a backup's blob, with which a person can check it by hand."""

from __future__ import annotations

from shared.backups.model import Manifest, checksum_name, checksum_text, manifest_name
from shared.backups.store.destination import Destination
from shared.errors import Damaged
from shared.storage.blobs import stream
from shared.tasks.context import JobContext


def look_after(destination: Destination, manifest: Manifest, job: JobContext) -> str | None:
    """Check the file; return what was wrong, for a person, or None. If it is gone it is written
    again; if its content is wrong it stays, since nothing in a container is ever changed."""
    name = checksum_name(manifest.blob)
    try:
        found = stream.text(destination.blob(name, job.check))
    except Damaged:
        destination.write_manifest(manifest, job.check, [manifest_name(manifest.blob)])
        return f"{name} was gone, and is written again"
    if found != checksum_text(manifest):
        return f"{name} is wrong, so `sha256sum -c` fails though the backup is whole; remove it"
    return None

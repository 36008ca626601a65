"""The file for `sha256sum -c` beside a backup's blob, by which a person finds damage by hand."""

from __future__ import annotations

from shared.backups.model import Manifest, checksum_name, checksum_text, manifest_name
from shared.backups.store.destination import Destination
from shared.errors import Damaged
from shared.storage.blobs import stream
from shared.tasks.context import JobContext


def look_after(destination: Destination, manifest: Manifest, job: JobContext) -> str | None:
    """What was wrong with it, for a person; None if nothing was. One that is gone is written again;
    one that says something else is left: nothing that lies there is ever changed."""
    name = checksum_name(manifest.blob)
    try:
        found = stream.text(destination.blob(name, job.check))
    except Damaged:
        destination.write_manifest(manifest, job.check, [manifest_name(manifest.blob)])
        return f"{name} was gone, and is written again"
    if found != checksum_text(manifest):
        return f"{name} is wrong, so `sha256sum -c` fails though the backup is whole; remove it"
    return None

"""The file for `sha256sum -c` is looked after when a backup is proved again."""

from __future__ import annotations

import hashlib

from tests.integration.backups.client import Client


def test_one_that_is_gone_is_written_again_and_a_wrong_one_told(client: Client) -> None:
    backup = client.taken(client.plan(destinations=["primary"]))
    verify = f"/backups/{backup['id']}/verify"
    container = client.container()
    (name,) = [blob.name for blob in container.list_blobs() if blob.name.endswith(".sha256")]
    blob = container.download_blob(name.removesuffix(".sha256")).readall()

    def told() -> tuple[str, bytes]:
        job = client.done(client.told("POST", verify))
        copies = dict(job.result or {})["copies"]
        said = copies["primary"].get("checksum", "")  # type: ignore[index]
        assert copies["primary"]["verified"]  # type: ignore[index]
        assert (said in (job.log or "")) and ("WARNING" in (job.log or "")) is bool(said)
        return said, container.download_blob(name).readall()

    right = container.download_blob(name).readall()
    assert right.split()[0].decode() == hashlib.sha256(blob).hexdigest()
    assert told() == ("", right)
    container.delete_blob(name)
    assert told() == (f"{name} was gone, and is written again", right)
    container.upload_blob(name, b"0" * 64 + right[64:], overwrite=True)
    said, left = told()
    assert said.startswith(f"{name} is wrong") and left != right

"""The files that a sync of a database writes: parts, which can be written again by a later attempt,
and at last the manifest that names them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from hashlib import md5, sha256
from typing import Any

from shared.errors import Conflict, Damaged, Refused
from shared.storage.outside.containers import OutsideContainer
from shared.storage.outside.pages import Headers, Moved, Unfit
from shared.sync.catalog import Described
from shared.sync.container import BLOCK
from shared.sync.files import Writing
from shared.sync.merge import copied_by, marks
from shared.sync.plan import Mode, Verify
from shared.sync.running import Run


class Parts:
    """The files of a run. `written`: a line of the manifest for each part, also of those that an
    earlier attempt wrote."""

    def __init__(self, destination: OutsideContainer, run: Run, mode: Mode) -> None:
        self._destination = destination
        self._run = run
        self._plan = run.plan
        self._mode = mode
        job = run.job
        name = job.job_id.removeprefix(f"{job.schedule_id}-")
        self._folder = f"{run.plan.folder.strip('/') or run.plan.table}/{name}"
        self.written = self._before()

    def _before(self) -> list[Mapping[str, Any]]:
        """The parts that an earlier attempt wrote."""
        about = replace(self._run.about, segments=self._run.segments)
        pieces = (self._run.store.report(about, number) for number in range(self._run.segments))
        return [line for piece in pieces for line in piece]

    def send(self, writing: Writing, rows: int, body: bytes) -> None:
        """Write the next part, and count it."""
        name = f"{self._folder}/part-{len(self.written) + 1:05d}.{self._plan.format}"
        sums = self._sent(name, body, writing.content_type)
        line = {"name": name, "rows": rows, "bytes": len(body), **sums}
        self.written.append(line)
        self._run.note(line)
        counts = self._run.counts
        counts.copied += rows
        counts.bytes += len(body)
        counts.files += 1

    def end(self, table: Described) -> None:
        """Look at all parts again, then write the manifest. An incremental run with nothing new
        writes none."""
        if not self.written and self._mode is not Mode.FULL:
            return
        for part in self.written:
            self._run.job.check()
            self._hold(part)
        name = f"{self._folder}/manifest.json"
        self._sent(name, self._manifest(table), "application/json")
        self._run.more["manifest"] = name

    def _manifest(self, table: Described) -> bytes:
        said = {
            "schema_version": 1,
            "table": f"{table.schema}.{table.name}",
            "mode": self._mode.value,
            "format": self._plan.format.value,
            "job_id": self._run.job.job_id,
            "due_at": self._run.job.due_at.isoformat(),
            "key": [one.name for one in table.key],
            "watermark": table.watermark and table.watermark.name,
            "columns": [{"name": one.name, "type": one.type} for one in table.columns],
            "rows": sum(part["rows"] for part in self.written),
            "parts": self.written,
        }
        return json.dumps(said, indent=1).encode()

    def _sent(self, name: str, body: bytes, content_type: str) -> dict[str, str]:
        """Write a blob, over what an earlier attempt of this job wrote; its hashes."""
        found, like = md5(body, usedforsecurity=False), Headers(content_type=content_type)
        own = marks("", str(self._run.job.attempt), self._run.job.job_id)
        over: str | None = None
        for _ in range(3):
            try:
                self._run.pace.send(len(body))
                self._upload(name, body, found.digest(), like, own, over)
            except Moved:
                over = self._earlier(name)
                continue
            except Unfit as error:
                raise Refused(self._destination.at.shown, f"{name}: {error}") from error
            return {"md5": found.hexdigest(), "sha256": sha256(body).hexdigest()}
        raise Conflict(f"{name} is being written by others at the same time")

    def _earlier(self, name: str) -> str | None:
        """The ETag of what an earlier attempt wrote; a later one's stays."""
        there = self._destination.head(name)
        if there is None:
            return None
        attempt = there.metadata.get("belfry_etag", "")
        if not copied_by(there, self._run.job.job_id):
            shown = self._destination.at.shown
            raise Refused(shown, f"{name} is there already, and this sync did not write it")
        if attempt.isdigit() and int(attempt) > self._run.job.attempt:
            raise Conflict(f"a later attempt of this job writes {name}")
        return there.etag

    def _upload(
        self,
        name: str,
        body: bytes,
        found: bytes,
        like: Headers,
        own: Mapping[str, str],
        over: str | None,
    ) -> None:
        to = self._destination
        if len(body) <= BLOCK:
            to.put(name, body, found, like, own, over)
            return
        upload, offsets = secrets.token_hex(4), range(0, len(body), BLOCK)
        for number, offset in enumerate(offsets):
            to.stage(name, upload, number, body[offset : offset + BLOCK])
        to.commit(name, upload, len(offsets), found, like, own, over)

    def _hold(self, part: Mapping[str, Any]) -> None:
        """Raise `Damaged` unless the part is there as it was written."""
        name, there = part["name"], self._destination.head(part["name"])
        if there is None or there.size != part["bytes"]:
            raise Damaged(f"{name} is gone, or has another size than was written")
        if self._plan.verify is Verify.COUNTS:
            return
        if there.md5 is None or there.md5.hex() != part["md5"]:
            raise Damaged(f"{name} has another MD5 than was written")
        if self._plan.verify is Verify.READ_BACK:
            sums = sha256()
            for offset in range(0, there.size, BLOCK):
                length = min(BLOCK, there.size - offset)
                sums.update(self._destination.read(name, there.etag, offset, length))
            if sums.hexdigest() != part["sha256"]:
                raise Damaged(f"{name} is not what was written")

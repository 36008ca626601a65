"""What a person who approves a job that writes to owners is shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shared.tasks import Preview, Result
from shared.tasks.preview import SAMPLE


def of_messages(would: Result) -> Preview:
    """The preview of a job, from what a dry run of it would do: its messages, the first of them in
    their words, and how many other changes it would make."""
    said: Any = would.get("would")
    listed: Mapping[str, list[Mapping[str, Any]]] = said if isinstance(said, Mapping) else {}
    sent = listed.get("send", [])
    many = int(str(would.get("total_messages", len(sent))))
    keys = sorted(str(one["key"]) for one in sent)
    return Preview(
        title=f"Text messages to {many} owners" if many else "No message to owners",
        text="\n\n".join(str(one["text"]) for one in sent),
        recipients=tuple(f"owner {one['owner_id']}" for one in sent[:SAMPLE]),
        recipient_count=many,
        digest=hashlib.sha256(json.dumps(keys).encode()).hexdigest(),
        facts={
            name: str(value)
            for name, value in would.items()
            if name.startswith("total_") and isinstance(value, int)
        },
    )

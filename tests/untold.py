"""An audit that is told and keeps nothing, for tests of what else happens."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from shared.audit.port import Audit, Changing


class _Untold:
    def changing(self, *_: Any, **__: Any) -> AbstractContextManager[Changing]:
        return nullcontext(Changing())


UNTOLD: Audit = _Untold()

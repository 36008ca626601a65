"""Whether a batch can do what its parameters say, as far as that is known before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.batch.files import Files
from shared.batch.operations import hold_callable
from shared.batch.params import BatchParams, Operation
from shared.batch.port import ChangeOf
from shared.batch.template import filled, references
from shared.errors import Invalid, NotFound
from shared.tasks import Proposed, Registry, Services


class Checks:
    """Looks at what a person wants a batch to do."""

    def __init__(self, files: Files, registry: Registry, services: Services) -> None:
        self._files = files
        self._registry = registry
        self._services = services

    def hold(self, params: BatchParams, proposed: Proposed, change_of: ChangeOf) -> None:
        """Raise `Invalid` unless it can. Of what an item is to fill in, nothing is known yet,
        unless the items are in the parameters: then each is tried."""
        if params.file is not None:
            try:
                self._files.own(proposed.project_id, params.file)
            except NotFound as error:
                raise Invalid("file", str(error)) from None
        samples: Sequence[Mapping[str, object]] = params.listed
        if not samples and not set(references(params.template, params.template_field)):
            samples = [{}]
        if params.operation is Operation.TASK:
            self._hold_task(params, proposed, samples)
        elif params.operation is Operation.CHANGE:
            for one in samples:
                self._hold_change(params, one, change_of)

    def _hold_task(
        self, params: BatchParams, proposed: Proposed, samples: Sequence[Mapping[str, object]]
    ) -> None:
        task = self._registry.find(params.task_type or "")
        if task is None:
            raise Invalid("task_type", f"there is no task {params.task_type!r}")
        hold_callable(task)
        for number, one in enumerate(samples):
            made = filled(dict(params.template), one, "task_parameters")
            parameters: dict[str, object] = made if isinstance(made, dict) else {}
            try:
                task.parse(parameters)
                if number == 0:  # what it names is looked up; that of the others, as they are done
                    asked = Proposed(new=parameters.keys(), project_id=proposed.project_id)
                    task.fits(self._services, parameters, asked)
            except Invalid as error:
                raise Invalid("task_parameters", f"{error.field}: {error.message}") from None

    def _hold_change(
        self, params: BatchParams, item: Mapping[str, object], change_of: ChangeOf
    ) -> None:
        made = filled(dict(params.template), item, "change")
        try:
            change_of(made if isinstance(made, dict) else {})
        except Invalid as error:
            raise Invalid("change", f"{error.field}: {error.message}") from None

"""Runs jobs: one message of the job queue, one attempt."""

import azure.functions as func

from shared.triggers import names, stand_in

blueprint = func.Blueprint()


@blueprint.function_name("job_worker")
@blueprint.queue_trigger(
    arg_name="message", queue_name=names().queue, connection="AzureWebJobsStorage"
)
def job_worker(message: func.QueueMessage) -> None:
    """Do what the message asks for; raising gives it back to the queue."""
    from shared.app import app
    from shared.storage.queue import parse

    belfry, text = app(), message.get_body().decode(errors="replace")
    read = belfry.poison.read(text, parse)
    if read is not None:
        belfry.worker.work(read.received(belfry.clock.now()))
    stand_in()

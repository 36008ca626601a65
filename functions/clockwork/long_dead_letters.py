"""Handles messages that the queue of long jobs gave up, so that their jobs are not lost."""

import azure.functions as func

from functions._azure import handle_poison, names

blueprint = func.Blueprint()


@blueprint.function_name("long_dead_letters")
@blueprint.queue_trigger(
    arg_name="message", queue_name=names().long_poison, connection="AzureWebJobsStorage"
)
def long_dead_letters(message: func.QueueMessage, context: func.Context) -> None:
    """Send the job's message again, or end the job as failed."""
    handle_poison(message, context, long=True)

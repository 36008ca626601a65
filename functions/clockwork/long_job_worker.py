"""Runs long jobs, on instances of their own: one message of their queue, one attempt of a job."""

import azure.functions as func

from functions._azure import names, work_on

blueprint = func.Blueprint()


@blueprint.function_name("long_job_worker")
@blueprint.queue_trigger(
    arg_name="message", queue_name=names().long_queue, connection="AzureWebJobsStorage"
)
async def long_job_worker(message: func.QueueMessage, context: func.Context) -> None:
    """Do what the message asks for. If this raises, the message goes back to the queue."""
    await work_on(message, context, long=True)

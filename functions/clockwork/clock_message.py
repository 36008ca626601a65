"""A clock without a timer: a message that sends the next one, once a minute."""

import azure.functions as func

from functions import _process
from functions._azure import invoked, names

blueprint = func.Blueprint()


@blueprint.function_name("clock_message")
@blueprint.queue_trigger(
    arg_name="message", queue_name=names().clock, connection="AzureWebJobsStorage"
)
def clock_message(message: func.QueueMessage, context: func.Context) -> None:
    """Send the next message, and tick."""
    from shared.engine.dispatch import queue_clock as chain

    text = message.get_body().decode(errors="replace")
    with invoked(context):
        belfry = _process.app()
        if belfry.poison.read(text, chain.parse) is not None:
            belfry.clocks.message(text)

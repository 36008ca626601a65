"""Works off a backlog, alongside the tick that found it: one message, one shard."""

import azure.functions as func

from functions import _process
from functions._azure import names, of_host, stand_in
from functions._logs import following
from shared import tracing

blueprint = func.Blueprint()


@blueprint.function_name("shard_worker")
@blueprint.queue_trigger(
    arg_name="message", queue_name=names().shards, connection="AzureWebJobsStorage"
)
def shard_worker(message: func.QueueMessage, context: func.Context) -> None:
    """Hand out what the shard owes, unless another instance does."""
    from shared.storage.queues.jobs import parse_shard

    text = message.get_body().decode(errors="replace")
    with following(context):
        belfry = _process.app()
        shard = belfry.poison.read(text, lambda text: parse_shard(text, belfry.table.shards))
        if shard is not None:
            with tracing.continued(of_host(context)):
                belfry.clocks.shard(shard)
        stand_in()

"""Works off a backlog beside the tick that found it: one message, one shard."""

import azure.functions as func

from shared.triggers import names

blueprint = func.Blueprint()


@blueprint.function_name("shard_worker")
@blueprint.queue_trigger(
    arg_name="message", queue_name=names().shards, connection="AzureWebJobsStorage"
)
def shard_worker(message: func.QueueMessage) -> None:
    """Hand out what the shard owes, unless another instance does."""
    from shared.app import app
    from shared.storage.queue import parse_shard

    shard = parse_shard(message.get_body().decode(errors="replace"))
    app().dispatcher.tick_shard(shard, app().clock.now())

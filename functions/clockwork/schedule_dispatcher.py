"""C13: every 60 seconds, hand out what is due in the coming minute.

python -m functions schedule_dispatcher
"""

import azure.functions as func

from functions._azure import clock
from shared.engine.dispatch.names import ALWAYS, DISPATCHER

blueprint = func.Blueprint()


@blueprint.function_name(DISPATCHER)
@blueprint.timer_trigger(
    arg_name="timer", schedule=ALWAYS[DISPATCHER], run_on_startup=False, use_monitor=True
)
def schedule_dispatcher(timer: func.TimerRequest, context: func.Context) -> None:
    """Do one whole tick."""
    del timer
    clock(DISPATCHER, context)

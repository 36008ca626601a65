"""C13: every 60 seconds, hand out what is due in the coming minute."""

import azure.functions as func

from shared.clock import SystemClock
from shared.triggers import clock

blueprint = func.Blueprint()


@blueprint.function_name("schedule_dispatcher")
@blueprint.timer_trigger(
    arg_name="timer", schedule="0 * * * * *", run_on_startup=False, use_monitor=True
)
def schedule_dispatcher(timer: func.TimerRequest) -> None:
    """One tick of the whole."""
    del timer
    clock("schedule_dispatcher", SystemClock().now())

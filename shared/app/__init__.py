"""The one place where the parts meet.

model      the app: everything that a function needs
wiring     `build` makes an app; tests call it with their own settings, clock and tasks
stores     its table and queues
engine     the engine's parts: dispatcher, clocks, workers
records    what is known of schedules and their jobs
around     what services need of all these
domains    the services of the domains, each made when it is first used
customers  the services of what customers may schedule, made likewise
access, metrics, outgoing, scaling, spending
           parts of their own
"""

from shared.app.model import App
from shared.app.wiring import build

__all__ = ["App", "build"]

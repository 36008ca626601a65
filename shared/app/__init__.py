"""The one place where the parts meet.

model    the app: everything that a function needs
wiring   `build` makes an app; tests call it with their own settings, clock and tasks
stores   its table and queues
engine   the engine's parts: dispatcher, clocks, workers
domains  the services of the domains, each made when it is first used
"""

from shared.app.model import App
from shared.app.wiring import build

__all__ = ["App", "build"]

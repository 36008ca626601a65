"""What Azure Functions loads: every function that `functions/` holds."""

import azure.functions as func

import functions
from functions._azure import check, timers

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

tasks = list(functions.tasks())
check(tasks)
for blueprint in timers(tasks):
    app.register_functions(blueprint)
for module in functions.discover():
    if hasattr(module, "blueprint"):
        app.register_functions(module.blueprint)

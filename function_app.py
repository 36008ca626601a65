"""What Azure Functions loads: every function that `functions/` holds."""

import azure.functions as func

import functions
from shared.triggers import check

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

check(functions.tasks())
for module in functions.discover():
    if hasattr(module, "blueprint"):  # a task without a time of its own has no function
        app.register_functions(module.blueprint)

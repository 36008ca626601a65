"""What Azure Functions loads: every function that `functions/` holds."""

import azure.functions as func

import functions
from shared.triggers import check

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

check(functions.tasks())
for module in functions.discover():
    app.register_functions(module.blueprint)

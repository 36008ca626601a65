"""A small Azure Functions host: runs the function app of a folder on this machine.

The app is indexed and invoked by Microsoft's own `azure-functions-runtime`, the library that
Azure's worker for Python 3.13 and later uses, so what loads and runs here loads and runs there.
Around it this host does what the real one does (its source is the model, not its documentation):

    settings    local.settings.json, host.json, %NAME%
    rules       what the real host silently drops a function for; here it is an error with a name
    worker      loads the app and invokes functions, through Microsoft's library
    apart       a worker in a process of its own (alone), with the app's packages and no others
    storage     the storage account of a trigger: a connection string, or an identity
    http        routes, and the /admin endpoints
    timers      NCRONTAB schedules, with the status blob and the past-due run after a restart
    queues      batches, invisibility and its renewal, dequeue count, poison queue
    run         all of it together, until it is told to stop
    process     its port and its command, for whoever starts it

What it does not do: keys (as with the Core Tools on a developer's machine, every function is open),
scaling and the locks it needs (one host to a storage account, or timers fire in each), other
triggers, output bindings other than an HTTP response, retry policies of decorators, streaming,
schedules as time spans, telemetry. It says so when an app asks for one of the triggers or bindings.
It knows nothing of the app but its folder.
"""

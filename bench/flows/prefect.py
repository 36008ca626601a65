"""Prefect, with a server of its own on SQLite and each result in a file."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence

from bench.flows.scripted import Program, Scripted, wait_up
from bench.peers import environment
from local import child, ports


class Prefect(Scripted):
    """The server is one process, and the flows run in another."""

    script = "flows_prefect.py"
    packages = (
        "prefect==3.9.1",
        "aiosqlite==0.22.1",
        "alembic==1.20.1",
        "amplitude-analytics==1.3.0",
        "annotated-doc==0.0.7",
        "annotated-types==0.8.0",
        "anyio==4.16.0",
        "apprise==2.0.1",
        "asgi-lifespan==2.1.0",
        "asyncpg==0.32.0",
        "attrs==26.1.0",
        "beartype==0.23.1",
        "burner-redis==0.1.7",
        "cachetools==7.3.3",
        "certifi==2026.10.19.post1",
        "cffi==2.1.1",
        "charset-normalizer==3.5.3",
        "click==8.5.1",
        "cloudpickle==3.1.3",
        "colorama==0.4.6",
        "coolname==5.0.0",
        "cronsim==2.8",
        "cryptography==50.0.2",
        "cyclopts==5.5.2",
        "dateparser==1.5.0",
        "docker==7.2.0",
        "docstring-parser==0.18.0",
        "exceptiongroup==1.3.2",
        "fastapi==0.150.0",
        "fsspec==2026.9.0",
        "graphviz==0.21",
        "greenlet==3.5.6",
        "griffe==2.4.1",
        "griffecli==2.4.1",
        "griffelib==2.4.1",
        "h11==0.16.0",
        "h2==4.4.1",
        "hpack==4.2.0",
        "httpcore==1.0.9",
        "httpx==0.28.1",
        "humanize==4.17.0",
        "hyperframe==6.1.0",
        "idna==3.20",
        "jinja2==3.1.6",
        "jinja2-humanize-extension==0.4.0",
        "jsonpatch==1.48",
        "jsonpointer==3.12",
        "jsonschema==4.26.0",
        "jsonschema-specifications==2025.9.1",
        "mako==1.4.3",
        "markdown==3.11.3",
        "markdown-it-py==4.3.0",
        "markupsafe==3.0.4",
        "mdurl==0.1.2",
        "oauthlib==4.0.1",
        "opentelemetry-api==1.45.2",
        "orjson==3.13.0",
        "packaging==26.4",
        "pathspec==1.1.1",
        "pendulum==3.3.0",
        "pluggy==1.7.0",
        "prometheus-client==0.26.0",
        "py-key-value-aio==0.5.0",
        "pycparser==3.12",
        "pydantic==2.14.4",
        "pydantic-core==2.50.5",
        "pydantic-extra-types==2.11.1",
        "pydantic-settings==2.16.3",
        "pydocket==0.27.0",
        "pygments==2.21.0",
        "python-dateutil==2.9.0.post0",
        "python-dotenv==1.2.4",
        "python-json-logger==4.2.0",
        "python-slugify==9.1.3",
        "pytz==2026.6",
        "pyyaml==6.0.4",
        "readchar==4.2.2",
        "redis==8.1.0",
        "referencing==0.37.0",
        "regex==2026.11.19",
        "requests==2.34.2",
        "requests-oauthlib==2.0.0",
        "rfc3339-validator==0.1.4",
        "rich==15.0.0",
        "rich-rst==2.2.0",
        "rpds-py==2026.9.1",
        "ruamel-yaml==0.19.1",
        "semver==3.1.2",
        "shellingham==1.5.4",
        "six==1.17.0",
        "sniffio==1.3.1",
        "sqlalchemy==2.1.9",
        "starlette==1.10.0",
        "text-unidecode==1.3",
        "toml==0.10.2",
        "typer==0.29.2",
        "typing-extensions==4.16.0",
        "typing-inspection==0.4.5",
        "tzdata==2026.6",
        "tzlocal==5.4.5",
        "uncalled-for==0.6.2",
        "urllib3==2.8.0",
        "uvicorn==0.54.0",
        "websockets==16.1.1",
        "whenever==0.11.0",
    )
    setting = (
        "`prefect server start` as it comes (SQLite), persist_result, flows on 10 threads of one "
        "process, tasks beside each other submitted to the thread pool that comes with it"
    )
    persists = (
        "its result in a file before the next begins; its states reach the server's SQLite later, "
        "as events"
    )
    patience = 20.0
    """Nothing starts a run again that was killed."""
    _server: Program | None = None

    @property
    def name(self) -> str:
        """See `Engine`."""
        return f"{self.packages[0].replace('prefect==', 'Prefect ')}, SQLite"

    def start(self) -> Mapping[str, object]:
        """See `Scripted`."""
        self._home = self.folder / "home"
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir()
        (self._port,) = ports.free(1)
        command = [str(self.python), "-m", "prefect", "server", "start", "--host", ports.HOST]
        command += ["--port", str(self._port), "--no-ui"]
        variables = dict(self.variables())
        variables.pop("PREFECT_API_URL")
        self._server = environment.start(command, self.folder / "server.log", variables)
        wait_up(self._server, self._port, "Prefect's server")
        return {}

    def variables(self) -> Mapping[str, str]:
        """See `Scripted`. It asks nobody outside."""
        return {
            "PREFECT_HOME": str(self._home),
            "PREFECT_API_URL": f"http://{ports.HOST}:{self._port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
            "PREFECT_CLIENT_MAX_RETRIES": "20",
            "DO_NOT_TRACK": "1",
        }

    def servers(self) -> Sequence[Program]:
        """See `Scripted`."""
        return [] if self._server is None else [self._server]

    def close(self) -> None:
        """See `Engine`."""
        if self._server is not None:
            child.stop(self._server)

"""A Git server over a real socket: git's own `http-backend`, and repositories made by real git."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.certificate import Certificate
from tests.serving import serving

_ENVIRON = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


def git(folder: Path, *words: str, given: bytes = b"") -> str:
    """What git says there."""
    done = subprocess.run(
        ["git", "-C", str(folder), *words], input=given, capture_output=True, env=_ENVIRON
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@dataclass
class Source:
    """A repository on the server."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    def commit(
        self, files: Mapping[str, str | bytes], *, branch: str = "main", keep: bool = True
    ) -> str:
        """Commit these files, and the ones there are (`keep`); the commit's id."""
        stream = [b"commit refs/heads/%b\ncommitter Ada <ada@example.com> 0 +0000\ndata 0\n"]
        stream[0] %= branch.encode()
        known = git(self.folder, "for-each-ref", f"refs/heads/{branch}")
        if known:
            stream.append(b"from refs/heads/%b^0\n" % branch.encode())
        if not keep:
            stream.append(b"deleteall\n")
        for path, said in files.items():
            data = said.encode() if isinstance(said, str) else said
            stream.append(b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(data), data))
        git(self.folder, "fast-import", "--quiet", given=b"".join(stream))
        return git(self.folder, "rev-parse", f"refs/heads/{branch}")

    def plant(self, build: Callable[[Any], bytes]) -> str:
        """Make `main` a commit whose tree's id `build` gives; it is called with dulwich's store,
        which writes what git itself refuses to."""
        from dulwich.objects import Commit
        from dulwich.repo import Repo

        with Repo(str(self.folder)) as repo:
            made = Commit()
            made.tree = build(repo.object_store)
            made.author = made.committer = b"Eve <eve@example.com>"
            made.author_time = made.commit_time = made.author_timezone = made.commit_timezone = 0
            made.message = b"odd"
            repo.object_store.add_object(made)
            repo.refs[b"refs/heads/main"] = made.id  # type: ignore[index]
            return str(made.id.decode())


@dataclass
class GitServer:
    """The server. Each request is recorded as (method, path, authorization)."""

    root: Path
    url: str = ""
    token: str = ""
    """If it is set, nobody comes in without it."""
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    redirect: str = ""
    """If it is set, each request is sent there."""
    during: Callable[[], object] = lambda: None
    """Called when a pack is about to be sent."""

    def repository(self, name: str) -> Source:
        """An empty one."""
        folder = self.root / name
        folder.mkdir()
        git(folder, "init", "-q", "--bare", "--initial-branch=main", ".")
        git(folder, "config", "uploadpack.allowFilter", "true")
        return Source(folder)


@contextmanager
def git_server(root: Path, certificate: Certificate) -> Iterator[GitServer]:
    made = GitServer(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(made, self, b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if b"command=fetch" in body:
                made.during()
            _answer(made, self, body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(Handler, certificate=certificate) as url:
        made.url = url
        yield made


def _answer(server: GitServer, to: BaseHTTPRequestHandler, body: bytes) -> None:
    told = to.headers.get("Authorization", "")
    server.requests.append((to.command, to.path, told))
    if server.redirect:
        to.send_response(302)
        to.send_header("Location", server.redirect + to.path)
        to.send_header("Content-Length", "0")
        to.end_headers()
        return
    right = "Basic " + base64.b64encode(f"x-access-token:{server.token}".encode()).decode()
    if server.token and told != right:
        to.send_error(401)
        return
    path, _, query = to.path.partition("?")
    environ = {
        **_ENVIRON,
        "GIT_PROJECT_ROOT": str(server.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": to.command,
        "CONTENT_TYPE": to.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": to.headers.get("Git-Protocol", ""),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "HOME": os.devnull,
    }
    done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environ)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    to.send_response(int(lines.pop("Status", "200").split()[0]))
    for name, value in lines.items():
        to.send_header(name, value)
    to.send_header("Content-Length", str(len(content)))
    to.end_headers()
    to.wfile.write(content)

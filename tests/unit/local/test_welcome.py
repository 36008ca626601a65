"""What `make start` says of who may ask."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import pytest

from local import welcome
from tests.serving import serving


@pytest.mark.parametrize(("status", "is_open"), [(200, True), (401, False)])
def test_it_says_whether_whoever_comes_is_an_admin(status: int, is_open: bool) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with serving(Answer) as url:
        found = welcome.is_open(url)
        assert found is is_open
        said = welcome.text(url, {}, None, is_open=found)
    assert ("is an admin" in said) is is_open
    assert ("keys create name=NAME role=admin" in said) is is_open

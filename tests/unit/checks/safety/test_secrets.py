"""Secrets in the tree are found, once, and never shown. What looks like one here is made up."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest

from checks.safety import secrets
from checks.safety.finding import Problem
from local.azurite import KEY

RANDOM = hashlib.sha512(b"nobody's").digest()
HEX, TEXT = RANDOM.hex(), base64.b64encode(RANDOM).decode()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "checks/safety").mkdir(parents=True)
    return tmp_path


def problems(tree: Path) -> list[Problem]:
    return [one for one in secrets.check(tree) if isinstance(one, Problem)]


SECRETS = {
    "Belfry key": f"bfy_abcdefghijkl_{HEX[:64]}",
    "age key": "AGE-SECRET-KEY-1" + HEX[:58].upper(),
    "SendGrid key": f"SG.{HEX[:22]}.{HEX[22:65]}",
    "Stripe webhook secret": "whsec_" + HEX[:32],
    "Azure account key": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + TEXT,
    "Azure shared access signature": "https://a.blob.core.windows.net/b?sig=" + TEXT[:43] + "%3D",
    "function key": "https://a.azurewebsites.net/api/x?code=" + HEX[:52] + "==",
    "Private Key": "-----BEGIN RSA PRIVATE " + "KEY-----",
    "Secret Keyword": 'password = "correct horse battery staple"',
    "Basic Auth Credentials": "postgresql://ops:" + HEX[:12] + "@db.example.com/company",
    "GitHub Token": "ghp_" + HEX[:36],
    "Telegram bot token": "123456789:" + HEX[:35],
    "JSON Web Token": "eyJ" + HEX[:20] + ".eyJ" + HEX[20:40] + "." + HEX[:43],
}


def test_each_kind_is_found_and_none_is_shown(tree: Path) -> None:
    for number, secret in enumerate(SECRETS.values()):
        (tree / f"{number}.py").write_text(f"first: line\nvalue: {secret}\n")
    found = problems(tree)
    for number, kind in enumerate(SECRETS):
        assert any(one.what == f"{number}.py:2: looks like a secret: {kind}" for one in found), kind
    said = "".join(one.what + one.do for one in found)
    assert not any(secret in said for secret in SECRETS.values())


def test_a_comment_in_the_file_excuses_nothing(tree: Path) -> None:
    (tree / "a.py").write_text(f'password = "{HEX[:40]}"  # pragma: allowlist secret\n')
    assert problems(tree)


def test_what_was_accepted_passes_in_its_file_alone(tree: Path) -> None:
    (tree / "a.yml").write_text(SECRETS["Belfry key"])
    secrets.write(tree)
    assert problems(tree) == []
    assert SECRETS["Belfry key"] not in (tree / secrets.ACCEPTED).read_text()
    (tree / "b.yml").write_text(SECRETS["Belfry key"])
    assert [one.what[:6] for one in problems(tree)] == ["b.yml:"]
    (tree / "b.yml").unlink()
    (tree / "a.yml").write_text("")
    assert "no longer has" in problems(tree)[0].what


def test_the_key_of_every_azurite_is_none(tree: Path) -> None:
    (tree / "a.py").write_text(f'KEY = "{KEY}"\nCONNECTION = "AccountKey={KEY};x"\n')
    assert problems(tree) == []


def test_what_git_ignores_is_not_looked_at_and_what_it_would_keep_is(tree: Path) -> None:
    (tree / ".gitignore").write_text("local.settings.json\n")
    (tree / "local.settings.json").write_text(SECRETS["Azure account key"])
    (tree / "new.txt").write_text("nothing\n")
    assert secrets.tracked(tree) == [".gitignore", "new.txt"]
    assert problems(tree) == []

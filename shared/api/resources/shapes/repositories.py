"""What the API takes and returns for repositories."""

from __future__ import annotations

from pydantic import Field

from shared.api.fields import Name, ProjectId
from shared.api.lists import Paged
from shared.api.resources.shapes.resource import Description, ResourceOut, Said, SecretText, Url


class _Repository(Said):
    PLAIN = ("name", "description", "url", "branch", "username")
    SECRET = ("token",)


class NewRepository(_Repository):
    """A Git repository to be made known."""

    name: Name
    description: Description | None = None
    project_id: ProjectId | None = None
    url: Url
    """https, without a user and a password."""
    branch: str | None = Field(default=None, max_length=255)
    """Default: the one that the repository says is its default."""
    username: str | None = Field(default=None, max_length=100)
    """What goes with the token. Default: `x-access-token`, which GitHub takes."""
    token: SecretText | None = None
    """What it is read with. Null removes it."""


class RepositoryChange(_Repository):
    """What is to change; what is left out stays. Null removes the token, and changes nothing
    else."""

    name: Name | None = None
    description: Description | None = None
    url: Url | None = None
    """If it leads to another host, the token must be given anew."""
    branch: str | None = Field(default=None, max_length=255)
    username: str | None = Field(default=None, max_length=100)
    token: SecretText | None = None


class RepositoryOut(ResourceOut):
    """A repository."""

    url: str
    branch: str
    username: str


class RepositoryList(Paged):
    repositories: list[RepositoryOut]

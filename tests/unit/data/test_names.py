"""Names of tables and columns: what a file may say, and what is told of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.data import names
from shared.data.models import Base
from shared.errors import Misconfigured


def written(folder: Path, text: str) -> Path:
    file = folder / "names.toml"
    file.write_text(text)
    return file


def test_the_list_of_names_is_that_of_the_models() -> None:
    models = {table.name: set(table.columns.keys()) for table in Base.metadata.tables.values()}
    assert {table: set(columns) for table, columns in names.TABLES.items()} == models


def test_each_table_comes_after_those_it_refers_to() -> None:
    order = list(names.TABLES)
    for table in Base.metadata.tables.values():
        for key in table.foreign_keys:
            assert order.index(key.column.table.name) < order.index(table.name)


def test_without_a_file_the_names_are_ours() -> None:
    read = names.read(None)
    assert not read
    assert (read.table("owners"), read.column("owners", "phone")) == ("owners", "phone")


def test_a_file_says_what_differs(tmp_path: Path) -> None:
    text = '[owners]\ntable = "customers"\nphone = "mobile"\n[users]\nrole = "kind"\n[pets]\n'
    read = names.read(written(tmp_path, text))
    assert read == names.Names(
        {"owners": "customers"}, {"owners": {"phone": "mobile"}} | {"users": {"role": "kind"}}
    )
    assert read.table("pets") == "pets" and read.column("owners", "id") == "id"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[owner]\n", "there is no table 'owner'; did you mean 'owners'?"),
        ('[owners]\nphones = "x"\n', "owners has no column 'phones'; did you mean 'phone'?"),
        ('[partners]\nxyz = "x"\n', "partners has no column 'xyz'; there are id, name, email"),
        ('owners = "customers"\n', 'owners is no table of TOML; write [owners] and table = "..."'),
        ("[owners]\ntable = 7\n", "owners.table is 7; give a name of 1 to 63 characters"),
        ('[owners]\nphone = ""\n', "owners.phone is ''; give a name"),
        (f'[owners]\nphone = "{"x" * 64}"\n', "give a name of 1 to 63 characters"),
        ('[owners]\ntable = "pets"\n', "two tables are called 'pets'"),
        ('[owners]\nphone = "name"\n', "two columns of owners are called 'name'"),
        ("[owners\n", "is no TOML: "),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(Misconfigured) as caught:
        names.read(file)
    assert str(caught.value).startswith(f"DATA_NAMES: {file}") and said in str(caught.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, '[owner]\n[pets]\nnam = "x"\n[users]\nrole = "id"\n')
    with pytest.raises(Misconfigured, match=r"no table 'owner'.*column 'nam'.*columns of users"):
        names.read(file)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"DATA_NAMES: .*/none\.toml cannot be read"):
        names.read(tmp_path / "none.toml")


def test_a_process_keeps_the_names_that_it_began_with() -> None:
    names.use(names.current())
    with pytest.raises(Misconfigured, match="DATA_NAMES has changed since this process began"):
        names.use(names.Names({"owners": "customers"}))

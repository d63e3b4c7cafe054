"""``learning contract``: the files, and what it says where it cannot write them."""

from typer.testing import CliRunner

from schemas.catalogue import EVENTS
from workers.cli import app
from workers.contract.files import contract_files


def run(*words):
    return CliRunner().invoke(app, ["contract", *words])


def test_it_writes_a_schema_for_every_type_and_one_document(tmp_path):
    told = run("--out", str(tmp_path / "new" / "folder"))
    assert (0, f"{len(EVENTS) + 1} files in {tmp_path}/new/folder\n") == (told.exit_code, told.output)
    for place, text in contract_files():
        assert text == (tmp_path / "new" / "folder" / place).read_text(encoding="utf-8")


def test_without_a_folder_it_makes_one_named_contract(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert 0 == run().exit_code
    assert (tmp_path / "contract" / "asyncapi.json").is_file()


def test_a_folder_that_cannot_be_is_named_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    told = run("--out", str(tmp_path / "file"))
    assert 1 == told.exit_code
    assert f"{tmp_path}/file: " in told.output
    assert "--out" in told.output

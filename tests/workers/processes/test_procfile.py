import pytest

from schemas.errors import InvalidSettings
from workers.processes.procfile import read_procfile


def written(folder, text):
    path = folder / "Procfile"
    path.write_text(text)
    return path


def test_reads_processes_in_order_and_passes_comments_over(tmp_path):
    path = written(tmp_path, "# ours\nweb: serve --port 1\n\nworker: rq worker learning\n")
    assert [("web", "serve --port 1"), ("worker", "rq worker learning")] == list(read_procfile(path).items())


def test_a_prefix_stands_where_a_line_asks_for_it(tmp_path):
    path = written(tmp_path, "worker: rq worker ${LEARNING_PREFIX}learning\n")
    assert {"worker": "rq worker learning"} == read_procfile(path)
    assert {"worker": "rq worker paper:learning"} == read_procfile(path, prefix="paper:")


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: b\nnonsense\n", "line 2: 'nonsense' is not of the form"), ("a: b\na: c\n", "line 2: a second process")],
)
def test_refuses_what_is_not_a_procfile_with_its_line(tmp_path, text, said):
    with pytest.raises(InvalidSettings, match=said):
        read_procfile(written(tmp_path, text))


def test_says_where_it_looked_for_a_missing_file(tmp_path):
    with pytest.raises(InvalidSettings, match=r"Procfile cannot be read.*project's folder"):
        read_procfile(tmp_path / "Procfile")

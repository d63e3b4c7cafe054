"""The assignment in other languages, as the page of the contract has it, over all vectors."""

import json
import re
import shutil
import subprocess

import pytest

from tests.contract.golden import CONTRACT

VECTORS = CONTRACT / "assignment.json"

JAVASCRIPT = """
const { vectors, unassigned } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log(JSON.stringify({
  assigned: vectors.map(({ allocation, units }) => units.map(({ unit }) => armOf(allocation, unit))),
  unassigned: unassigned.map(({ allocation, unit }) => armOf(allocation, unit)),
}));
"""

GO = """
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"os"
)

%s
type arm struct {
	Values json.RawMessage `json:"values"`
	Share  int64           `json:"share"`
}

type allocation struct {
	ID   string `json:"id"`
	Arms []arm  `json:"arms"`
}

func place(one allocation, unit string) int {
	shares := []int64{}
	for _, arm := range one.Arms {
		shares = append(shares, arm.Share)
	}
	return Place(one.ID, unit, shares)
}

func main() {
	var read struct {
		Vectors []struct {
			Allocation allocation                       `json:"allocation"`
			Units      []struct{ Unit string `json:"unit"` } `json:"units"`
		} `json:"vectors"`
		Unassigned []struct {
			Allocation allocation `json:"allocation"`
			Unit       string     `json:"unit"`
		} `json:"unassigned"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&read); err != nil {
		panic(err)
	}
	var told struct {
		Assigned   [][]int `json:"assigned"`
		Unassigned []int   `json:"unassigned"`
	}
	for _, vector := range read.Vectors {
		places := []int{}
		for _, unit := range vector.Units {
			places = append(places, place(vector.Allocation, unit.Unit))
		}
		told.Assigned = append(told.Assigned, places)
	}
	for _, vector := range read.Unassigned {
		told.Unassigned = append(told.Unassigned, place(vector.Allocation, vector.Unit))
	}
	json.NewEncoder(os.Stdout).Encode(told)
}
"""


def needs(program):
    there = shutil.which(program)
    return pytest.mark.skipif(there is None, reason=f"{program} is not on the PATH: the code of the page was not run")


def code(language):
    """The one block of a language on the page."""
    [block] = re.findall(rf"```{language}\n(.*?)```", (CONTRACT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return block


def ran(*words, **options):
    """What a program prints as JSON, fed with the vectors."""
    with VECTORS.open(encoding="utf-8") as vectors:
        done = subprocess.run(words, stdin=vectors, check=False, capture_output=True, text=True, **options)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def vectors():
    return json.loads(VECTORS.read_text(encoding="utf-8"))


@needs("node")
def test_javascript_assigns_as_the_vectors_say():
    told, wanted = ran("node", "-e", code("js") + JAVASCRIPT), vectors()
    assert [
        [{"n": case["n"], "values": case["values"]} for case in vector["units"]] for vector in wanted["vectors"]
    ] == told["assigned"]
    assert [{"values": None, "reason": case["reason"]} for case in wanted["unassigned"]] == told["unassigned"]


@pytest.mark.at_length  # go compiles its library first, which takes a minute
@needs("go")
def test_go_assigns_as_the_vectors_say(tmp_path):
    (tmp_path / "main.go").write_text(GO % code("go"), encoding="utf-8")
    told, wanted = ran("go", "run", "main.go", cwd=tmp_path), vectors()
    for vector, places in zip(wanted["vectors"], told["assigned"], strict=True):
        arms = vector["allocation"]["arms"]
        assert [case["values"] for case in vector["units"]] == [arms[place]["values"] for place in places]
    assert [-1] * len(wanted["unassigned"]) == told["unassigned"]


@pytest.mark.parametrize("language", ["js", "go"])
def test_the_code_of_the_page_is_short(language):
    assert 20 > len([line for line in code(language).splitlines() if line.strip()])

"""Reports as strangers may make them: nothing is written but the golden run of the case, and all errors are told."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import KEY, lay_all, lay_workflow, tree
from reports import CASE

from pytest_comfy.report.approving import Refused, approve, load_report


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile") / "project"
    root.mkdir()
    return root, lay_all(root)


class TestHostile:
    """Whatever a report says: nothing is written but the golden run of the case, and no error but Refused."""

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
        | st.sampled_from(["../x", "/tmp/x", "golden", KEY, "..", ".", "a\0", "live", "\ud800"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=5,
    )  # fmt: skip

    def unharmed(self, root, before):
        """Nothing is another one but the golden run of the case, which is put back."""
        after = tree(root.parent)
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        assert all(name.startswith(f"project/golden/{KEY}/") for name in changed)
        if changed:
            lay_workflow(root)

    @settings(max_examples=150)
    @given(key=st.sampled_from(sorted(CASE)), value=JSON)
    def test_values_of_a_case(self, laid, key, value):
        root, case = laid
        before = tree(root.parent)
        try:
            approve(root / "comfy-report", {**case, key: value}, root, "why")
        except Refused as error:
            assert str(error)
        self.unharmed(root, before)

    @settings(max_examples=150)
    @given(data=st.data())
    def test_values_of_the_kept_run(self, laid, data):
        root, case = laid
        path = root / f"comfy-report/{KEY}/run/run.json"
        bytes_before = path.read_bytes()
        run = json.loads(bytes_before)
        at, key = run, data.draw(st.sampled_from(sorted(run)))
        while data.draw(st.booleans()) and isinstance(at[key], (dict, list)) and at[key]:
            at = at[key]
            key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        at[key] = data.draw(self.JSON)
        path.write_text(json.dumps(run))
        before = tree(root.parent)
        try:
            approve(root / "comfy-report", case, root, "why")
        except Refused as error:
            assert str(error)
        finally:
            self.unharmed(root, before)
            path.write_bytes(bytes_before)

    @settings(max_examples=100)
    @given(data=st.data())
    def test_documents(self, laid, data):
        root, _ = laid
        path = root / "comfy-report/report.json"
        kept_document = path.read_bytes()
        document = json.loads(kept_document)
        document[data.draw(st.sampled_from(sorted(document)))] = data.draw(self.JSON)
        path.write_text(json.dumps(document))
        try:
            assert load_report(root / "comfy-report")["schema"] == 1
        except Refused as error:
            assert "report.json" in str(error)
        finally:
            path.write_bytes(kept_document)


class TestLoading:
    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"\xff", b'{"schema": 2}', b'{"schema": true}', b'{"schema": NaN}', b"[" * 10**5],
    )
    def test_broken_document(self, tmp_path, content):
        (tmp_path / "report.json").write_bytes(content)
        with pytest.raises(Refused, match=r"report\.json: (broken JSON|of schema version)"):
            load_report(tmp_path)

    def test_no_report(self, tmp_path):
        with pytest.raises(Refused, match=r"report\.json: is not there"):
            load_report(tmp_path)
        with pytest.raises(Refused, match="gone: is no folder"):
            load_report(tmp_path / "gone")

    def test_document_by_a_link(self, tmp_path):
        lay_all(tmp_path / "p")
        os.rename(tmp_path / "p/comfy-report/report.json", tmp_path / "away.json")
        (tmp_path / "p/comfy-report/report.json").symlink_to(tmp_path / "away.json")
        with pytest.raises(Refused, match="links are not followed"):
            load_report(tmp_path / "p/comfy-report")

    def test_huge_document(self, tmp_path):
        with (tmp_path / "report.json").open("wb") as file:
            file.truncate(2**28 + 1)
        with pytest.raises(Refused, match="larger than 268 MB"):
            load_report(tmp_path)

    def test_document_that_would_take_more_memory_than_there_is(self, tmp_path):
        (tmp_path / "report.json").write_bytes(b"[" + b"{}," * 2 * 10**7 + b"{}]")
        with pytest.raises(Refused, match="would take more than 2 GB of memory"):
            load_report(tmp_path)

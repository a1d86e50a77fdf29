"""Files of ours are reached by no link, wherever on the way somebody puts one."""

from __future__ import annotations

import os

import pytest

from pytest_comfy.files import leads_elsewhere, read_below, refuse_links, remove_below, write_whole


@pytest.fixture
def outside(tmp_path):
    """A folder that nothing of ours may read, or change."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    (folder / "case").mkdir(parents=True)
    (folder / "case/file.txt").write_text("ours")
    return folder


def test_a_file_of_ours_is_read(root):
    assert read_below(root, "case/file.txt") == read_below(root / "case", "file.txt") == b"ours"


def test_root_itself_may_be_a_link(root, tmp_path):
    (tmp_path / "here").symlink_to(root)
    assert read_below(tmp_path / "here", "case/file.txt") == b"ours"
    refuse_links(tmp_path / "here", tmp_path / "here/case")


@pytest.mark.parametrize("name", ["link.txt", "folder/secret.txt", "case/deeper/secret.txt"])
def test_links_are_not_read(root, outside, name):
    (root / "link.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "case/deeper").symlink_to(outside)
    with pytest.raises(OSError, match="it is a link, and links are not followed") as told:
        read_below(root, name)
    assert told.value.filename == str(root / name)


def test_link_to_a_file_of_ours_is_none_either(root):
    (root / "again.txt").symlink_to(root / "case/file.txt")
    with pytest.raises(OSError, match="it is a link"):
        read_below(root, "again.txt")


def test_what_is_no_file_is_not_read(root):
    os.mkfifo(root / "pipe")  # reading one would wait for ever
    for name in ("pipe", "case"):
        with pytest.raises(OSError, match=r"no file|directory"):
            read_below(root, name)
    with pytest.raises(FileNotFoundError):
        read_below(root, "case/nothing")
    with pytest.raises(NotADirectoryError):
        read_below(root, "case/file.txt/more")


def test_without_relative_opening_links_are_refused_as_well(root, outside, monkeypatch):
    monkeypatch.setattr("pytest_comfy.files._RELATIVE", False)
    (root / "folder").symlink_to(outside)
    with pytest.raises(OSError, match="it is a link"):
        read_below(root, "folder/secret.txt")
    assert read_below(root, "case/file.txt") == b"ours"


def test_what_a_link_leads_to_is_not_removed(root, outside):
    (root / "folder").symlink_to(outside)
    (root / "case/deeper").symlink_to(outside)
    for path in (root / "folder", root / "folder/secret.txt", root / "case/deeper"):
        with pytest.raises(OSError, match="it is a link"):
            remove_below(root, path)
    remove_below(root, root / "case")
    assert not (root / "case").exists()
    assert (outside / "secret.txt").read_text() == "secret"


def test_a_link_is_one_wherever_it_leads(tmp_path):
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert leads_elsewhere(tmp_path / "gone")
    assert (
        not leads_elsewhere(tmp_path)
        and not leads_elsewhere(tmp_path / "nowhere")
        and not leads_elsewhere(tmp_path / "\0")
    )


def test_a_file_is_written_in_place_of_a_link(root, outside):
    (root / "link.txt").symlink_to(outside / "secret.txt")
    write_whole(root / "link.txt", b"new")
    assert (outside / "secret.txt").read_text() == "secret"
    assert read_below(root, "link.txt") == b"new"

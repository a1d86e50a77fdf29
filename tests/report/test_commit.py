"""The commit that is checked out, as the files of Git tell it."""

from __future__ import annotations

import pytest

from pytest_comfy.report.commit import commit_of

HASH, OTHER = "0123456789" * 4, "abcdefabcd" * 4


@pytest.fixture
def git(tmp_path):
    """Write the files of a repository, and return the working tree."""

    def make(**files):
        for name, text in files.items():
            path = tmp_path / ".git" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def test_branch(git):
    assert commit_of(git(**{"HEAD": "ref: refs/heads/main\n", "refs/heads/main": f"{HASH}\n"})) == HASH


def test_folder_below_the_working_tree(git):
    root = git(**{"HEAD": "ref: refs/heads/a/b\n", "refs/heads/a/b": HASH})
    (root / "packages/a").mkdir(parents=True)
    assert commit_of(root / "packages/a") == HASH


def test_branch_that_is_packed(git):
    packed = f"# pack-refs with: peeled\n{OTHER} refs/heads/not-main\n{HASH} refs/heads/main\n^{OTHER}\n"
    assert commit_of(git(**{"HEAD": "ref: refs/heads/main\n", "packed-refs": packed})) == HASH


def test_detached(git):
    assert commit_of(git(HEAD=f"{HASH}\n")) == HASH


def test_worktree(git, tmp_path):
    git(**{"HEAD": f"{OTHER}\n", "refs/heads/topic": HASH, "worktrees/w/HEAD": "ref: refs/heads/topic\n",
           "worktrees/w/commondir": "../..\n"})  # fmt: skip
    tree = tmp_path / "elsewhere"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {tmp_path}/.git/worktrees/w\n")
    assert commit_of(tree) == HASH


@pytest.mark.parametrize(
    "files",
    [{"HEAD": "ref: refs/heads/main\n"}, {"HEAD": ""}, {"HEAD": "ref: ../../outside\n"}, {"config": ""},
     {"HEAD": "ref: refs/heads/main", "refs/heads/main": "../../../etc/passwd"}, {"HEAD": "ref: \0"}],
)  # fmt: skip
def test_what_is_no_commit(git, files):
    assert commit_of(git(**files)) is None


def test_file_that_is_none_of_git(tmp_path):
    (tmp_path / ".git").write_text("something else")
    assert commit_of(tmp_path) is None

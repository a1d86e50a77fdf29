"""`pytest-comfy diff`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
from PIL import Image, ImageDraw
from projects import SIDE, graph, png, recorded

from pytest_comfy.commands.__main__ import main
from pytest_comfy.compare.limits import NORMAL_LIMITS
from pytest_comfy.golden import GoldenStore

PART = min(NORMAL_LIMITS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Some files, and the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    for name, data in {
        "a.png": png(1), "same.png": png(1), "near.png": png(1, shift=1), "boxed.png": png(1, edit=box),
        "other.png": png(2), "broken.png": png(1)[:200], "big.png": png(1, size=(96, 64)),
        "a.txt": b"one\ntwo\n", "b.txt": b"one\n2\n", "a.json": b'{"x": 1}', "b.json": b'{ "x": 1 }',
        "a.bin": b"\0\1", "b.bin": b"\0\2",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    (tmp_path / "near.webp").write_bytes(encoded(png(1), "WEBP", lossless=True))
    (tmp_path / "picture").write_bytes(png(1, shift=1))
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Run the command in the folder: run("a.png", ...) -> exit status, lines of stdout, lines of stderr."""

    def start(*words):
        status = main(["diff", *map(str, words)])
        out, err = capsys.readouterr()
        return status, out.splitlines(), err.splitlines()

    return start


@pytest.fixture
def trees(folder):
    """Two folders: one file each is the same, near, different, missing and new."""
    for side, files in {
        "one": {"same.png": png(1), "sub/near.png": png(2), "other.png": png(3), "gone.png": png(4)},
        "two": {"same.png": png(1), "sub/near.png": png(2, shift=1), "other.png": png(5), "new.txt": b"x"},
    }.items():
        for name, data in {**files, ".hidden": b"", ".git/x": b""}.items():
            write(folder / side / name, data)
    write(folder / "two/.other", b"")
    return folder


def box(picture):
    ImageDraw.Draw(picture).rectangle((40, 40, 63, 63), fill="white")


def encoded(data, container, **options):
    stream = io.BytesIO()
    Image.open(io.BytesIO(data)).save(stream, container, **options)
    return stream.getvalue()


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def golden(folder, name, pictures, **more):
    return GoldenStore(folder / name).write("w/default", recorded(outputs={"9": {"images": pictures}}, **more))


def test_command_line(folder):
    """The installed command: exit status as that of diff(1), and neither traceback nor warning."""
    command = [sys.executable, "-W", "error", "-m", "pytest_comfy.commands", "diff"]
    for second, status in (("same.png", 0), ("other.png", 1), ("gone.png", 2)):
        done = subprocess.run([*command, "a.png", second], capture_output=True, text=True, timeout=60)
        assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert (done.stdout, done.stderr) == (
        "",
        "pytest-comfy diff: gone.png: cannot be read (No such file or directory)\n",
    )


def test_wrong_usage(run, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["diff", "a.png"])
    assert ended.value.code == 2
    assert "usage: pytest-comfy diff" in capsys.readouterr().err


def test_command_is_known_without_loading_what_it_needs():
    heavy = "{'PIL', 'numpy', 'requests', 'pytest_comfy.compare'}"
    told = f"import sys, pytest_comfy.commands.__main__; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()"


class TestFiles:
    @pytest.mark.parametrize(
        ("words", "status", "first"),
        [
            (["a.png", "same.png"], 0, "identical: bytes are identical"),
            (["a.png", "near.webp"], 0, "identical: pixels are identical"),
            (["broken.png", "broken.png"], 0, "identical: bytes are identical"),
            (["a.png", "near.png"], 0, "within tolerance: "),
            (["a.png", "picture"], 0, "within tolerance: "),
            (["a.png", "other.png"], 1, "different: "),
            (["a.png", "big.png"], 1, f"different: size is 96x64, was {SIDE}x{SIDE}"),
            (["a.txt", "b.txt"], 1, 'different: line 2 is "2", was "two"'),
            (["a.json", "b.json"], 0, "identical: JSON is equal"),
            (["a.bin", "b.bin"], 1, "different: bytes differ"),
            (["a.png", "a.txt"], 1, "different: media type is text/plain, was image/png"),
            (["a.png", "near.png", "--tolerance", "exact"], 1, "different: "),
            (["a.png", "boxed.png", "--mask", "40,40,24,24"], 0, ""),
            (["a.png", "boxed.png", "--mask", "40,40,24,23"], 1, "different: "),
        ],
    )
    def test_verdict_and_message(self, run, words, status, first):
        found, out, err = run(*words)
        assert (found, err) == (status, [])
        assert out[0].startswith(first)

    def test_table_of_parts_has_those_that_failed_in_front(self, run):
        status, out, _ = run("a.png", "boxed.png")
        start = next(at for at, line in enumerate(out) if line.split() == ["part", "value", "limit", "distance"])
        rows = [line.split() for line in out[start + 1 : -1]]
        distances = [float(row[3]) for row in rows]
        assert status == 1 and distances == sorted(distances, reverse=True)
        assert [row[4:] for row in rows] == [["beyond"] if far > 1 else [] for far in distances]
        assert out[-1].startswith("regions: ")

    def test_limits_of_parts(self, run):
        _, out, _ = run("a.png", "near.png", "--json")
        parts = json.loads("".join(out))["parts"]
        name, part = max(parts.items(), key=lambda item: item[1]["value"])
        assert run("a.png", "near.png", "--tolerance", f"{name}={part['value'] / 2}")[0] == 1
        words = [word for part in parts for word in ("--tolerance", f"{part}=inf")]
        status, out, _ = run("a.png", "near.png", "--tolerance", "strict", *words, "--json")
        document = json.loads("".join(out))
        assert (status, document["tolerance"][:12]) == (0, "strict with ")
        assert {part["limit"] for part in document["parts"].values()} == {None}

    def test_json(self, run):
        status, out, _ = run("a.png", "boxed.png", "--json")
        found = json.loads("\n".join(out))
        assert status == 1
        assert sorted(found) == [
            "a", "b", "distance", "kinds", "message", "parts", "regions", "tolerance", "verdict"
        ]  # fmt: skip
        assert (found["a"], found["b"], found["verdict"], found["tolerance"]) == (
            "a.png", "boxed.png", "different", "normal",
        )  # fmt: skip
        assert found["distance"] == max(part["distance"] for part in found["parts"].values()) > 1
        x, y, width, height = found["regions"][0]
        assert x + width > 40 and y + height > 40

    def test_json_has_no_infinity(self, run):
        status, out, _ = run("a.png", "big.png", "--json")
        found = json.loads("\n".join(out), parse_constant=pytest.fail)
        assert (status, found["distance"], found["kinds"]) == (1, None, ["size"])

    def test_difference_picture(self, folder, run):
        status, _, err = run("a.png", "boxed.png", "-o", "new/out.png")
        assert (status, err) == (1, [])
        with Image.open(folder / "new/out.png") as drawn:
            assert drawn.width > 3 * SIDE

    def test_kinds_without_difference_picture_say_so(self, folder, run):
        status, _, err = run("a.bin", "b.bin", "-o", "out.png")
        assert (status, err) == (1, ["pytest-comfy diff: out.png: not written: of these two nothing can be drawn"])
        assert not (folder / "out.png").exists()

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["gone.png", "a.png"], "gone.png: cannot be read (No such file or directory)"),
            (["a.png", "gone.png"], "gone.png: cannot be read (No such file or directory)"),
            (["broken.png", "a.png"], "broken.png: the picture is broken or truncated ("),
            (["a.png", "broken.png"], "broken.png: the picture is broken or truncated ("),
            (["a.png/x", "a.png"], "a.png/x: cannot be read (Not a directory)"),
            (["a.png", "."], ". is a folder and a.png is a file: give two of a kind"),
            (["gone", "."], "gone: cannot be read (No such file or directory)"),
            (
                ["a.png", "near.png", "--tolerance", "lose"],
                "--tolerance: unknown tolerance 'lose'; did you mean 'loose'",
            ),
            (["a.png", "near.png", "--tolerance", "x=3"], "--tolerance: unknown part of a tolerance 'x'"),
            (["a.png", "near.png", "--tolerance", f"{PART}=x"], f"--tolerance {PART}=x: 'x' is no number"),
            (["a.png", "near.png", "--tolerance", f"{PART}=-1"], f"--tolerance: the limit of {PART} must be 0 or more"),
            (["a.png", "near.png", *["--tolerance", "loose"] * 2], "--tolerance loose: there is one already, loose"),
            (["a.png", "near.png", "--mask", "1,2,3"], "--mask 1,2,3: write X,Y,WIDTH,HEIGHT in pixels"),
            (["a.png", "near.png", "--mask", "1,2,0,4"], "--mask 1,2,0,4: write X,Y,WIDTH,HEIGHT in pixels"),
            (["a.png", "near.png", "-o", "a.png"], "a.png: is what is compared: write elsewhere"),
            (["a.png", "near.png", "-o", "."], ".: is a folder: files need a file to write to"),
            (["a.png", "near.png", "-o", "a.txt/x.png"], "a.txt/x.png: cannot be written ("),
        ],
    )
    def test_errors_are_one_sentence(self, folder, run, words, told):
        before = (folder / "a.png").read_bytes()
        status, out, err = run(*words)
        assert (status, out, len(err)) == (2, [], 1)
        assert err[0].startswith(f"pytest-comfy diff: {told}"), err
        assert (folder / "a.png").read_bytes() == before

    def test_missing_extra_is_an_error_that_names_it(self, run, monkeypatch):
        from pytest_comfy.compare import MissingExtraError
        from pytest_comfy.judging import pairs

        def compare(*words, **more):
            raise MissingExtraError("a video needs PyAV: pip install 'pytest-comfy[video]'")

        monkeypatch.setattr(pairs, "compare_output", compare)
        assert run("a.png", "near.png") == (2, [], [
            "pytest-comfy diff: a.png and near.png cannot be compared: a video needs PyAV: pip install "
            "'pytest-comfy[video]'"
        ])  # fmt: skip


class TestFolders:
    def test_files_are_paired_by_their_path(self, trees, run):
        status, out, err = run("one", "two")
        assert (status, err) == (1, [])
        assert out[0] == "missing: gone.png: only in one"
        assert out[1] == "unexpected: new.txt: only in two"
        assert out[2].startswith("different: other.png: ")
        assert out[3].startswith("within tolerance: sub/near.png: ")
        assert out[4:] == ["different: 1 different, 1 missing, 1 unexpected, 1 within tolerance, 1 identical"]

    def test_same_folders(self, trees, run):
        assert run("one", "one") == (0, ["identical: 4 identical"], [])

    def test_empty_folders(self, folder, run):
        for name in ("empty", "void"):
            (folder / name).mkdir()
        assert run("empty", "void") == (0, ["identical: nothing to compare"], [])

    def test_json(self, trees, run):
        status, out, _ = run("one", "two", "--json")
        found = json.loads("\n".join(out))
        assert (status, found["verdict"], found["tolerance"]) == (1, "different", "normal")
        assert found["counts"] == {
            "different": 1, "missing": 1, "unexpected": 1, "within tolerance": 1, "identical": 1
        }  # fmt: skip
        assert {item["name"]: item["verdict"] for item in found["items"]} == {
            "gone.png": "missing", "new.txt": "unexpected", "other.png": "different", "same.png": "identical",
            "sub/near.png": "within tolerance",
        }  # fmt: skip

    def test_difference_pictures_go_to_a_folder(self, trees, run):
        assert run("one", "two", "-o", "out")[0] == 1
        assert sorted(path.relative_to(trees).as_posix() for path in trees.glob("out/**/*.png")) == [
            "out/other.png.difference.png", "out/sub/near.png.difference.png"
        ]  # fmt: skip

    @pytest.mark.parametrize(("output", "told"), [
        ("one/out", "one/out: is in what is compared: write elsewhere"),
        ("two", "two: is in what is compared: write elsewhere"),
        ("a.txt", "a.txt: is a file: folders need a folder to write to"),
    ])  # fmt: skip
    def test_folder_for_pictures_is_none_of_those_compared(self, trees, run, output, told):
        assert run("one", "two", "-o", output) == (2, [], [f"pytest-comfy diff: {told}"])

    def test_what_cannot_be_judged_is_told_and_the_rest_is_judged(self, trees, run):
        write(trees / "two/same.png", b"broken")
        status, out, err = run("one", "two")
        assert status == 2
        assert [line.split(": ")[1] for line in err] == ["same.png"]
        assert err[0].startswith("pytest-comfy diff: same.png: two/same.png: ")
        assert out[-1].startswith("cannot be judged: 1 cannot be judged, 1 different, ")

    def test_links_that_lead_outside_are_left_alone(self, trees, run):
        outside = trees / "outside"
        write(outside / "secret.txt", b"secret")
        (trees / "two/file.txt").symlink_to(outside / "secret.txt")
        (trees / "two/folder").symlink_to(outside)
        (trees / "two/dangling").symlink_to("nowhere")
        (trees / "two/loop").symlink_to("loop")
        (trees / "two/gone.png").symlink_to("same.png")
        _, out, err = run("one", "two")
        assert err == []
        assert not any("secret" in line or "file.txt" in line or "folder" in line for line in out)
        assert any(line.startswith("different: gone.png: ") for line in out)

    def test_names_that_no_terminal_takes(self, trees, run):
        name = b"bad\xff\x1b[31m.txt"
        with open(os.path.join(os.fsencode(trees / "two"), name), "wb") as file:
            file.write(b"x")
        _, out, _ = run("one", "two")
        assert "unexpected: bad\\udcff.txt: only in two" in out
        _, out, _ = run("one", "two", "--json")
        assert json.loads("\n".join(out))["counts"]["unexpected"] == 2


class TestGoldenRuns:
    def test_outputs_are_compared_by_name(self, folder, run):
        first = golden(folder, "one", [png(1), png(2)])
        second = golden(folder, "two", [png(1), png(3)], environment={"comfyui": "0.9.0"})
        status, out, err = run(first, second)
        assert (status, err) == (1, [])
        assert out[0].startswith("different: node 9 'Save Image' images 1: ")
        assert out[1:] == [
            "different: 1 different, 1 identical", "environment: ComfyUI 0.8.0 -> 0.9.0 (in 1 of 1 golden runs)"
        ]  # fmt: skip

    def test_batches_are_explained(self, folder, run):
        first = golden(folder, "one", [png(1), png(2), png(3)])
        swapped = golden(folder, "two", [png(1), png(3, shift=1), png(2, shift=1)])
        assert run(first, swapped, "-o", "out")[1] == [
            "different: node 9 'Save Image' images 1: pictures 2 and 3 changed places",
            "different: node 9 'Save Image' images 2: picture 3 is now second",
            "different: 2 different, 1 identical",
        ]
        assert not (folder / "out").exists()
        fewer = golden(folder, "three", [png(1), png(3)])
        assert run(first, fewer)[1] == [
            "missing: node 9 'Save Image' images 1: picture 2 of 3 is missing; the others are there, in order",
            "missing: 1 missing, 2 identical",
        ]

    def test_runs_below_two_folders(self, folder, run):
        golden(folder, "one", [png(1)])
        golden(folder, "two", [png(1)], environment={"comfyui": "0.9.0"}, approvals=[{"at": "2026-01-01", "by": "x"}])
        write(folder / "two/note.txt", b"")
        assert run("one", "two") == (
            1,
            ["unexpected: note.txt: only in two", "unexpected: 1 unexpected, 1 identical",
             "environment: ComfyUI 0.8.0 -> 0.9.0 (in 1 of 1 golden runs)"],
            [],
        )  # fmt: skip
        GoldenStore(folder / "two").write("w/default", recorded(outputs={"9": {"images": [png(4)]}}))
        assert run("one", "two", "-o", "out")[1][0].startswith("different: w/default: node 9 'Save Image' images 0: ")
        assert (folder / "out/w/default/9.images.0.difference.png").is_file()

    def test_nodes_with_other_ids_are_found_again(self, folder, run):
        first = GoldenStore(folder / "one").write("w/default", recorded())
        moved = recorded(graph(saves=("12",)), {"12": {"images": [png()]}})
        assert run(first, GoldenStore(folder / "two").write("w/default", moved))[0] == 0

    def test_outputs_of_other_nodes(self, folder, run):
        first = golden(folder, "one", [png(1)])
        prompt = graph(saves=("9", "10"))
        both = recorded(prompt, {"10": {"images": [png(1)]}})
        second = GoldenStore(folder / "two").write("w/default", both)
        assert run(first, second)[1][:-1] == [
            f"missing: node 9 'Save Image' images 0: only in {first}",
            f"unexpected: node 10 'Save 10' images 0: only in {second}",
        ]

    def test_masks_are_those_that_the_first_run_keeps(self, folder, run):
        first = golden(folder, "one", [png(1)], masks=[(40, 40, 24, 24)])
        second = golden(folder, "two", [png(1, edit=box)])
        assert run(first, second)[0] == 0
        assert run(second, first)[0] == 1
        assert run(second, first, "--mask", "40,40,24,24")[0] == 0

    def test_runs_that_keep_no_files(self, folder, run):
        whole = golden(folder, "one", [png(1)])
        bare = golden(folder, "two", [png(1)], files=False)
        changed = golden(folder, "three", [png(1, shift=1)], files=False)
        assert run(whole, bare)[:2] == (0, ["identical: 1 identical"])
        assert run(bare, whole)[:2] == (0, ["identical: 1 identical"])
        assert run(changed, whole)[0] == 0
        assert run(whole, changed) == (2, ["cannot be judged: 1 cannot be judged"], [
            f"pytest-comfy diff: node 9 'Save Image' images 0: {changed} keeps only its fingerprint, and its file is "
            "needed"
        ])  # fmt: skip

    @pytest.mark.parametrize("content", ["{", '{"format": 99}', '{"format": 1}'])
    def test_broken_runs_are_told(self, folder, run, content):
        first, second = golden(folder, "one", [png(1)]), golden(folder, "two", [png(1)])
        (second / "run.json").write_text(content)
        status, out, (line,) = run(first, second)
        assert (status, out) == (2, ["cannot be judged: 1 cannot be judged"])
        assert line.startswith(f"pytest-comfy diff: run.json: {second}/run.json: ")

    def test_missing_file_of_a_run_is_told(self, folder, run):
        first, second = golden(folder, "one", [png(1)]), golden(folder, "two", [png(1)])
        (second / "9.images.0.png").unlink()
        status, _, (line,) = run(first, second)
        assert status == 2 and f"{second}/9.images.0.png: output 9.images.0 of" in line and "is not there" in line

    @pytest.mark.parametrize("edited", ["one", "two"])
    def test_file_that_is_not_the_approved_one_is_told(self, folder, run, edited):
        """It would be compared with itself otherwise, or by a fingerprint that is another file's."""
        first, second = golden(folder, "one", [png(1)]), golden(folder, "two", [png(1)])
        (folder / edited / "w/default/9.images.0.png").write_bytes(png(2))
        status, _, (line,) = run(first, second)
        assert status == 2 and "9.images.0.png: output 9.images.0 of 'Save Image' is not the file that was" in line

    def test_run_json_of_other_projects_is_a_file_like_others(self, folder, run):
        for name in ("one", "two"):
            write(folder / name / "run.json", b'{"steps": 3}')
        assert run("one", "two") == (0, ["identical: 1 identical"], [])

    def test_names_of_a_server_stay_in_the_folder_of_pictures(self, folder, run):
        def strange(data):
            prompt = graph(saves=("../../9",))
            return recorded(prompt, {"../../9": {"images": [data]}}, files=False)

        paths = []
        for name, data in (("one", png(1)), ("two", png(2))):
            made = strange(data)
            document = json.loads(json.dumps(made.document))
            document["outputs"][0]["file"] = "x.png"
            path = folder / name
            write(path / "run.json", json.dumps(document).encode())
            write(path / "x.png", data)
            paths.append(path)
        assert run(*paths, "-o", "deep/out")[0] == 1
        found = folder.rglob("*.difference.png")
        assert [path.is_relative_to(folder / "deep/out") for path in found] == [True]

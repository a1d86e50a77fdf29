"""A project with a report to review, its server, and who asks it as the page does."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import tempfile
from pathlib import Path

from kept import entry, kept, lay_report, lay_workflow
from projects import png

from pytest_comfy.report.review import Desk, ReviewServer

SECRET = "the-key-of-the-page"
SCRIPT = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>document.title='run'</script></svg>"
FILES = {
    "9.images.0.golden.png": png(1), "9.images.0.actual.png": png(2), "9.images.0.difference.png": png(3),
    "9.images.1.golden.png": png(1), "9.images.1.actual.png": png(4), "9.images.2.actual.svg": SCRIPT,
    "9.images.3.actual.html": b"<script>document.title='run'</script>", "9.images.4.actual.js": b"document.title='run'",
}  # fmt: skip


def output(case, at, verdict="different", **more):
    """An output of a case in the report's own words, with those files that there are."""
    name = f"9.images.{at}"
    own = {file.split(".")[3]: f"{case}/{file}" for file in FILES if file.startswith(f"{name}.")}
    return {"name": name, "index": at, "verdict": verdict, "files": own, **more}


def lay(root, names=("garden", "batch", "street"), outputs=2):
    """A project whose report has these cases, each with a picture that became another; `batch` has several."""
    cases = []
    for name in names:
        lay_workflow(root, name)
        case = entry(root, name, run=kept(name))
        folder = root / "comfy-report" / case["folder"]
        for file, data in FILES.items():
            (folder / file).write_bytes(data)
        many = outputs if name == "batch" else 1
        case["outputs"] = [case["outputs"][0] | output(case["folder"], at) for at in range(many)]
        cases.append(case)
    return lay_report(root / "comfy-report", cases)


class Asker:
    """Asks a review server as its page does; each call may leave something out, or say it otherwise."""

    def __init__(self, server):
        self.server = server
        self.port = int(server.url.rpartition(":")[2])
        self.token = server.address.partition("token=")[2]
        self.version = self.state()["version"]

    def ask(self, method, path, body=None, **headers):
        """Return (status, headers, body) of a request as it is; a header of None is left out."""
        told = {"Host": f"127.0.0.1:{self.port}", "Cookie": f"comfy-review-{self.port}={self.token}"}
        if body is not None:
            told |= {"Origin": self.server.url, "X-Comfy-Review": SECRET, "Content-Type": "application/json"}
            told["Content-Length"] = str(len(body))
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in told.items():
                for each in value if isinstance(value, list) else [value]:
                    if each is not None:
                        connection.putheader(name, each)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, what, headers=None, **body):
        """Return (status, what was answered) of a decision."""
        told = json.dumps({"version": self.version, **body}).encode()
        status, _, answer = self.ask("POST", f"/-/{what}", told, **(headers or {}))
        return status, json.loads(answer) if status == 200 else answer.decode().strip()

    def decide(self, case, decision="approved", output=None, reason="", headers=None):
        return self.post("decide", headers, case=case, output=output, decision=decision, reason=reason)

    def undo(self, number):
        return self.post("undo", number=number)

    def state(self):
        return json.loads(self.get("/-/state")[2])


@contextlib.contextmanager
def reviewing(root, report=None):
    """Yield who asks the server of a project's report."""
    with tempfile.TemporaryDirectory() as keep:
        desk = Desk(report or root / "comfy-report", root, SECRET, Path(keep))
        with ReviewServer(desk, SECRET) as server:
            yield Asker(server)


def pictures(root, names=("garden", "batch", "street")):
    """Which picture each golden run has, by its seed: 1 as it was, 2 as it was approved."""
    seeds = {png(seed): seed for seed in range(1, 6)}
    return [seeds[(root / f"golden/{name}/default/9.images.0.png").read_bytes()] for name in names]


def version_of(page):
    """The report's version that a page tells of."""
    return re.search(r'data-version="(\w+)"', page)[1]

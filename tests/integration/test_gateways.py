"""--comfy-header, --comfy-ca, comfy_headers, COMFY_HEADERS, servers by name: a server behind something."""

from __future__ import annotations

import base64
import socket

import pytest
from gateway import CA, Gateway
from projects import failure_of, png, recorded
from proxy import Proxy

TOKEN = "tok-93ab17ffe0c2d4"
PASSWORD = "p4ss:w0rd/of@mine"
BASIC = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
NO_PROXIES = ["gpu.example.com", ".example.com", "example.com", "other.org, example.com", "*"]
QUOTED = "p4ss%3Aw0rd%2Fof%40mine"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def gateway(serve):
    """Put a gateway before a server: gateway(run, wanted=..., tls=..., prefix=...)."""
    started = []

    def start(run=None, **more):
        started.append(Gateway(serve(run or recorded()).url, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def everything(project, result):
    """All that a run told or kept, as one text."""
    settings = ("pytest.ini", "comfy.toml")
    files = [path for path in project.root.rglob("*") if path.is_file() and path.name not in settings]
    kept = [path.read_bytes().decode("latin-1") for path in files if "__pycache__" not in path.parts]
    return "\n".join([result.stdout.str(), result.stderr.str(), *kept])


def has_secret(text):
    return [one for one in (TOKEN, PASSWORD, BASIC, QUOTED, "p4ss") if one in text]


class TestWaysToSayIt:
    @pytest.mark.parametrize("way", ["flag", "ini", "environment", "password", "name"])
    def test_all_requests_have_it_and_nothing_tells_it(self, project, gateway, monkeypatch, way):
        project.both()
        login = f"Basic {BASIC}" if way == "password" else f"Bearer {TOKEN}"
        one = gateway(wanted={"Authorization": login}, prefix="/comfy")
        args = ["--comfy-url", one.url]
        if way == "flag":
            args += ["--comfy-header", f"Authorization: Bearer {TOKEN}"]
        elif way == "ini":
            project.ini(f"comfy_headers = Authorization: Bearer {TOKEN}")
        elif way == "environment":
            monkeypatch.setenv("COMFY_HEADERS", f"X-Other: 1\nAuthorization: Bearer {TOKEN}\n")
        elif way == "password":
            args = ["--comfy-url", one.with_login(f"ann:{QUOTED}")]
        else:
            monkeypatch.setenv("GPU_TOKEN", TOKEN)
            project.write("comfy.toml", f'[servers.gpu]\nurl = "{one.url}"\n'
                          'headers = { Authorization = "Bearer ${GPU_TOKEN}" }\n')  # fmt: skip
            args = ["--comfy-url", "gpu"]
        result = project.run("workflows", *args, "--junitxml=junit.xml", "--comfy-update=all")
        result.assert_outcomes(passed=1)
        paths = [path for path, headers in one.seen]
        assert {"/comfy/ws", "/comfy/prompt", "/comfy/view", "/comfy/system_stats"} <= set(paths)
        assert all(headers.get("Authorization") == login for _, headers in one.seen)
        assert not has_secret(everything(project, result))

    def test_a_failure_tells_nothing_either(self, project, gateway):
        project.both()
        one = gateway(recorded(outputs={"9": {"images": [png(2)]}}), wanted={"Authorization": f"Basic {BASIC}"})
        result = project.run("workflows", "--comfy-url", one.with_login(f"ann:{QUOTED}"), "-rA", "--junitxml=junit.xml")
        result.assert_outcomes(failed=1)
        assert f"--comfy-url {one.url} " in "\n".join(failure_of(result, "txt2img.json [default]"))
        assert not has_secret(everything(project, result))

    def test_fixtures_and_uploads(self, project, gateway):
        project.both()
        one = gateway(wanted=BEARER)
        project.write("test_a.py", """
def test_upload(comfy_client, comfy_run):
    assert comfy_client.upload(b"x", "a.png")
    assert comfy_run("txt2img.json").outputs
""")  # fmt: skip
        result = project.run("test_a.py", "--comfy-url", one.url, "--comfy-header", f"Authorization: Bearer {TOKEN}")
        result.assert_outcomes(passed=1)
        assert "/upload/image" in [path for path, _ in one.seen]

    def test_workers_of_xdist(self, project, gateway):
        project.both()
        one = gateway(wanted=BEARER)
        project.ini()
        project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -p no:recording -p no:asyncio\n")
        result = project.run_apart(
            "workflows", "-n", "1", "--comfy-url", one.url, "--comfy-header", f"Authorization: Bearer {TOKEN}"
        )
        result.assert_outcomes(passed=1)
        assert not has_secret(everything(project, result))

    def test_the_command_line_goes_before_the_rest(self, project, gateway, monkeypatch):
        project.both()
        one = gateway(wanted=BEARER)
        project.ini("comfy_headers = authorization: Bearer old")
        monkeypatch.setenv("COMFY_HEADERS", "AUTHORIZATION: Bearer older")
        result = project.run("--comfy-url", one.url, "--comfy-header", f"Authorization: Bearer {TOKEN}")
        result.assert_outcomes(passed=1)


class TestCertificates:
    def test_one_that_is_not_trusted_is_told(self, project, gateway):
        project.both()
        result = project.run("--comfy-url", gateway(tls=True).url)
        result.assert_outcomes(errors=1)
        assert "its certificate is not trusted: give the file of the authority that signed it with --comfy-ca=FILE" in (
            result.stdout.str()
        )

    @pytest.mark.parametrize("way", ["flag", "ini", "off", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "name"])
    def test_trusted_for_http_and_socket(self, project, gateway, monkeypatch, way):
        project.both()
        one = gateway(tls=True, wanted=BEARER)
        args = ["--comfy-url", one.url, "--comfy-header", f"Authorization: Bearer {TOKEN}"]
        if way == "flag":
            args += [f"--comfy-ca={CA}"]  # a path of its own would count when pytest looks for its rootdir
        elif way == "ini":
            project.write("own.pem", CA.read_bytes())
            project.ini("comfy_ca = own.pem")
        elif way == "off":
            args += ["--comfy-ca", "off"]
        elif way == "name":
            project.write("comfy.toml", f'[servers.gpu]\nurl = "{one.url}"\nca = "{CA}"\n')
            args[1] = "gpu"
        else:
            for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv(way, str(CA))
        result = project.run(*args, "-W", "error")
        result.assert_outcomes(passed=1)
        assert "/ws" in [path for path, _ in one.seen]

    def test_of_another_name(self, project, gateway, monkeypatch):
        project.both()
        url = gateway(tls=True).url.replace("localhost", "gpu.localhost")
        found = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: found("127.0.0.1", *more, **named))
        result = project.run("--comfy-url", url, f"--comfy-ca={CA}")
        assert "its certificate is for another name" in result.stdout.str()

    def test_http_where_tls_was_said(self, project, gateway):
        project.both()
        result = project.run("--comfy-url", gateway().url.replace("http:", "https:"))
        assert "speaks no TLS: write http:// instead of https://" in result.stdout.str()


class TestAnswersOfTheGateway:
    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (401, "asks for a login (401): give --comfy-header"),
            (403, "access is refused (403): does what stands before it want a header"),
            ((302, {"Location": "https://login.example.com/in?next=%2F"}),
             "is sent on to https://login.example.com/in (302): is that a login page"),
            (407, "the proxy on the way asks for a login (407)"),
        ],
    )  # fmt: skip
    def test_each_has_its_sentence(self, project, gateway, answer, told):
        project.both()
        result = project.run("--comfy-url", gateway(answers=[answer] * 9).url)
        result.assert_outcomes(errors=1)
        assert told in result.stdout.str()

    def test_a_wrong_login_is_told_as_that(self, project, gateway):
        project.both()
        result = project.run("--comfy-url", gateway(wanted=BEARER).with_login("ann:wrong-password-1"))
        assert "does not accept the login that was given (401)" in result.stdout.str()
        assert "wrong-password-1" not in result.stdout.str()

    def test_nothing_behind_it(self, project, gateway):
        project.both()
        project.ini("comfy_connect_timeout = 0")
        result = project.run("--comfy-url", gateway(answers=[502] * 9).url)
        result.assert_outcomes(errors=1)
        assert (
            "the gateway before it answers 502 (the gateway's own page): no ComfyUI behind it answers now"
            in result.stdout.str()
        )

    def test_a_server_that_wakes_up_is_waited_for(self, project, gateway):
        project.both()
        one = gateway(answers=[503, 502])
        project.run("--comfy-url", one.url).assert_outcomes(passed=1)
        assert one.answers == []


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["--comfy-header", TOKEN], '--comfy-header: a header is written "Name: value"'),
            (["--comfy-header", f"A b: {TOKEN}"], '--comfy-header: a header is written "Name: value"'),
            (["--comfy-header", f"A: {TOKEN}\x1b"], "--comfy-header: the header A has a value with characters"),
            (["--comfy-ca", "gone.pem"], "--comfy-ca 'gone.pem': there is no such file of certificates"),
        ],
    )
    def test_is_a_usage_error_without_the_secret(self, project, args, told):
        result = project.run("--comfy-url", "http://127.0.0.1:9", *args)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert f"ERROR: {told}" in result.stderr.str()
        assert TOKEN not in result.stderr.str()

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            ("servers = 3", "servers must be tables"),
            ("[servers.gpu]", "servers.gpu: has no url"),
            ('[servers.gpu]\nurl = "x"\nurls = 3', "servers.gpu: unknown key 'urls' (did you mean 'url'?)"),
            ('[servers.gpu]\nurl = "${NOT_THERE}"', "servers.gpu.url: the environment has no variable NOT_THERE"),
            ('[servers.gpu]\nurl = "x"\nheaders = 1', "servers.gpu.headers: must be a table of texts"),
            ('[servers.gpu]\nurl = "x"\nheaders = {"a b" = "1"}', "servers.gpu.headers: 'a b' is no name of a header"),
            ('[servers.gpu]\nurl = "x"\nca = "gone"', "servers.gpu.ca 'gone': there is no such file"),
            ('[servers.gpus]\nurl = "x"', "--comfy-url gpu: "),
            ("[servers.gpu", "cannot be read"),
        ],
    )
    def test_in_comfy_toml(self, project, content, told):
        project.write("comfy.toml", content)
        result = project.run("--comfy-url", "gpu")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert told in result.stderr.str()


class TestProxies:
    """Loopback never asks a proxy."""

    NOWHERE = "http://127.0.0.1:9"

    @pytest.mark.parametrize("live", [True, False])
    @pytest.mark.parametrize("no_proxy", [None, "example.com"])
    def test_loopback_needs_none(self, project, serve, monkeypatch, live, no_proxy):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, self.NOWHERE)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            if no_proxy:
                monkeypatch.setenv(name, no_proxy)
        project.both()
        project.run(*(["--comfy-url", serve(recorded()).url] if live else [])).assert_outcomes(passed=1)

    @pytest.fixture
    def proxied(self, serve, monkeypatch):
        """A server by a name that only the proxy knows, and the proxy."""
        for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        started = []

        def start(url, **more):
            started.append(Proxy(**more))
            return url.replace("127.0.0.1", "gpu.example.com").replace("localhost", "gpu.example.com"), started[-1]

        yield start
        for one in started:
            one.stop()

    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
    def test_elsewhere_http_and_socket_go_through_it(self, project, serve, proxied, monkeypatch, name):
        project.both()
        url, proxy = proxied(serve(recorded()).url)
        monkeypatch.setenv(name, f"http://{proxy.netloc}")
        project.run("--comfy-url", url).assert_outcomes(passed=1)
        host = url.removeprefix("http://")
        assert ("CONNECT", host) in proxy.seen
        assert ("GET", f"{url}/system_stats") in proxy.seen and ("POST", f"{url}/prompt") in proxy.seen

    def test_tls_goes_through_it(self, project, gateway, proxied, monkeypatch):
        project.both()
        url, proxy = proxied(gateway(tls=True).url)
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.netloc}")
        project.run("--comfy-url", url, "--comfy-ca=off").assert_outcomes(passed=1)
        assert {method for method, _ in proxy.seen} == {"CONNECT"}

    def test_one_that_wants_a_login(self, project, serve, proxied, monkeypatch):
        project.both()
        url, proxy = proxied(serve(recorded()).url, login=f"Basic {BASIC}")
        monkeypatch.setenv("HTTP_PROXY", f"http://ann:{QUOTED}@{proxy.netloc}")
        result = project.run("--comfy-url", url)
        result.assert_outcomes(passed=1)
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.netloc}")
        result = project.run("--comfy-url", url)
        assert "the proxy on the way asks for a login (407)" in result.stdout.str()

    @pytest.mark.parametrize("no_proxy", NO_PROXIES)
    def test_no_proxy_is_heard(self, project, serve, proxied, monkeypatch, no_proxy):
        project.both()
        url, proxy = proxied(serve(recorded()).url)
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.netloc}")
        monkeypatch.setenv("NO_PROXY", no_proxy)
        found = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: found("127.0.0.1", *more, **named))
        project.run("--comfy-url", url).assert_outcomes(passed=1)
        assert proxy.seen == []


class TestCommands:
    def test_convert(self, project, gateway, monkeypatch, capsys):
        from pytest_comfy.commands.__main__ import main

        one = gateway(wanted=BEARER, tls=True, prefix="/x")
        project.write("w.json", {"nodes": [{"id": 9, "type": "SaveImage", "mode": 2}], "links": [], "version": 0.4})
        monkeypatch.chdir(project.root)
        status = main(["convert", "w.json", "--comfy-url", one.url, "--comfy-header", f"Authorization: Bearer {TOKEN}",
                       f"--comfy-ca={CA}"])  # fmt: skip
        assert (status, capsys.readouterr().out) == (0, "{}\n")
        assert "/x/object_info/SaveImage" in [path for path, _ in one.seen]
        assert main(["convert", "w.json", "--comfy-url", one.url, f"--comfy-ca={CA}"]) == 1
        assert "asks for a login (401)" in capsys.readouterr().err
        assert main(["convert", "w.json", "--comfy-url", one.url, "--comfy-header", TOKEN]) == 1
        assert TOKEN not in capsys.readouterr().err

    @pytest.mark.parametrize("way", ["headers", "password"])
    def test_record(self, project, gateway, way):
        from pytest_comfy import ComfyClient
        from pytest_comfy.server.recording import RecordingProxy

        wanted = BEARER if way == "headers" else {"Authorization": f"Basic {BASIC}"}
        one = gateway(wanted=wanted, tls=True, prefix="/x")
        url = one.url if way == "headers" else one.with_login(f"ann:{QUOTED}")
        into = project.root / "recorded"
        headers = BEARER if way == "headers" else None
        with RecordingProxy(url, into, headers=headers, verify=str(CA)) as proxy, ComfyClient(proxy.url) as client:
            assert client.run(recorded().prompt).outputs
        assert proxy.problems == [] and len(proxy.recorded) == 1
        kept = "\n".join(path.read_bytes().decode("latin-1") for path in into.rglob("*") if path.is_file())
        assert not has_secret(kept)
        assert {"/x/ws", "/x/prompt"} <= {path for path, _ in one.seen}

    def test_record_through_a_proxy(self, project, gateway, monkeypatch):
        from pytest_comfy import ComfyClient
        from pytest_comfy.server.recording import RecordingProxy

        one, way = gateway(tls=True), Proxy(login=f"Basic {BASIC}")
        try:
            monkeypatch.setenv("HTTPS_PROXY", f"http://ann:{QUOTED}@{way.netloc}")
            monkeypatch.setenv("NO_PROXY", "")
            url = one.url.replace("localhost", "gpu.example.com")
            into = project.root / "recorded"
            with RecordingProxy(url, into, verify=False) as proxy, ComfyClient(proxy.url) as client:
                assert client.run(recorded().prompt).outputs
            assert len(proxy.recorded) == 1
            assert {method for method, _ in way.seen} == {"CONNECT"}
        finally:
            way.stop()

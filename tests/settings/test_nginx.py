"""The edges' files in a real nginx: they are valid, and each request goes where the original sends it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.files import files
from pryv_nomad.settings.nginx_blocks import Edge

from . import platforms
from .edges import Named, RunningEdge, check, lay_out, needs_nginx, running

pytestmark = needs_nginx

ROLES = ("core", "registry", "replica", "static", "single")
USER = "lisa.pryv.example"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return platforms.cluster(tmp_path_factory.mktemp("cluster"), {"MAX_UPLOAD_SIZE_MB": 1})


@pytest.fixture(scope="module")
def core(platform: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    servers = {name: [Named(name)] for name in ("core", "mfa", "hfs", "preview", "pages")}
    with running(tmp_path_factory.mktemp("core"), platform, "core", servers) as edge:
        yield edge


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("weight", [0, 10, 100])
def test_nginx_finds_no_fault(platform: Cluster, tmp_path: Path, role: str, weight: int) -> None:
    lay_out(tmp_path, platform, role, {}, weight)
    assert check(tmp_path) == ""


@pytest.mark.parametrize("role", ROLES)
def test_nginx_takes_the_longest_domain_and_every_option(tmp_path: Path, role: str) -> None:
    domain = ".".join(["a" * 60, "b" * 60, "c" * 60, "d" * 50, "example"])
    settings = {"APP_WEB_AUTH_URL": 'https://127.0.0.1:9/a$b"{;}/ü é'}
    platform = platforms.cluster(
        tmp_path, settings, platform={"domain": domain, "name": "x"}, registry={"admin_panel": {"enabled": True}}
    )
    lay_out(tmp_path, platform, role, {})
    assert check(tmp_path) == ""


def test_a_certificate_may_lie_at_any_path(platform: Cluster, tmp_path: Path) -> None:
    odd = tmp_path / 'a "b" \\{c}; # d'
    odd.mkdir()
    lay_out(odd, platform, "core", {})
    edge = Edge(str(odd / "certificate.pem"), str(odd / "key.pem"))
    main = next(file for file in files(platform, "nginx", "core", edge) if file.path == "nginx.conf")
    written = platforms.filled(main).replace("user nginx;", "").replace("include /app/conf/site*.conf;", "")
    (tmp_path / "nginx.conf").write_text(written.replace("/var/run/nginx.pid", f"{tmp_path}/pid"))
    assert check(tmp_path) == ""
    with pytest.raises(ClusterFileError, match=r"tls\.key_path: holds a"):
        files(platform, "nginx", "core", Edge("/a", "/b$c"))


@pytest.mark.parametrize(
    ("method", "path", "server", "seen"),
    [
        ("GET", "/", "pages", "/app-web/"),
        ("GET", "/?a=b", "pages", "/app-web/?a=b"),
        ("POST", "/", "core", "/"),
        ("PUT", "/?a=b", "core", "/?a=b"),
        ("OPTIONS", "/", "core", "/"),
        ("GET", "/events?limit=1", "core", "/events?limit=1"),
        ("GET", "/events/%7Bx%7D/a%2Fb", "core", "/events/%7Bx%7D/a%2Fb"),
        ("GET", "/events/series", "core", "/events/series"),
        ("POST", "/events/c1/series", "hfs", "/events/c1/series"),
        ("GET", "/EVENTS/c1/Series?from=1", "hfs", "/EVENTS/c1/Series?from=1"),
        ("GET", "/events/c1/series/more", "core", "/events/c1/series/more"),
        ("POST", "/series/batch", "hfs", "/series/batch"),
        ("POST", "/user/series/batch", "hfs", "/user/series/batch"),
        ("POST", "/auth/login", "mfa", "/login"),
        ("POST", "/auth/logout", "core", "/auth/logout"),
        ("POST", "/mfa/activate", "mfa", "/mfa/activate"),
        ("GET", "/previews/events/c1.jpg?auth=x", "preview", "/events/c1.jpg?auth=x"),
        ("GET", "/socket.io/?transport=polling", "core", "/socket.io/?transport=polling"),
    ],
)
def test_a_request_goes_to_the_component_it_is_for(
    core: RunningEdge, method: str, path: str, server: str, seen: str
) -> None:
    answer = core.ask(USER, path, method, b"body" if method in ("POST", "PUT") else None)
    assert (answer.status, answer.said["server"], answer.said["path"]) == (200, server, seen)
    assert (answer.said["method"], answer.said["body"]) == (method, 4 if method in ("POST", "PUT") else 0)


def test_core_hears_who_asked_for_which_user(core: RunningEdge) -> None:
    headers = core.ask(USER, "/events", headers={"X-Forwarded-For": "198.51.100.9", "Authorization": "t"}).said[
        "headers"
    ]
    assert headers["host"] == USER
    assert headers["x-real-ip"] == "127.0.0.1"
    assert headers["x-forwarded-for"] == "198.51.100.9, 127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["authorization"] == "t"
    assert headers["connection"] == "close"


def test_a_batch_call_keeps_its_headers(core: RunningEdge) -> None:
    headers = core.ask(USER, "/", "POST", b"[]", {"Authorization": "t"}).said["headers"]
    assert (headers["host"], headers["authorization"], headers["x-forwarded-proto"]) == (USER, "t", "https")


def test_the_public_pages_hear_nothing_of_the_user(core: RunningEdge) -> None:
    headers = core.ask(USER, "/", headers={"Cookie": "sso=1", "Authorization": "t"}).said["headers"]
    assert not {"cookie", "authorization", "x-real-ip", "x-forwarded-for"} & set(headers)
    assert USER not in headers["host"]


def test_a_websocket_s_upgrade_is_passed_on(core: RunningEdge) -> None:
    asked = {"Connection": "Upgrade", "Upgrade": "websocket"}
    headers = core.ask(USER, "/socket.io/?transport=websocket", headers=asked).said["headers"]
    assert (headers["connection"], headers["upgrade"]) == ("upgrade", "websocket")


def test_websockets_stick_to_one_process(platform: Cluster, tmp_path: Path) -> None:
    processes = [Named(f"process {number}") for number in range(4)]
    with running(tmp_path, platform, "core", {"core": processes}) as edge:
        assert len({edge.ask(USER, "/socket.io/").said["server"] for _ in range(8)}) == 1
        assert len({edge.ask(USER, "/events").said["server"] for _ in range(8)}) == 4


def test_a_canary_gets_its_percent(platform: Cluster, tmp_path: Path) -> None:
    servers = {"core": [Named("stable")], "core-canary": [Named("canary")]}
    with running(tmp_path, platform, "core", servers, weight=10) as edge:
        asked = [edge.ask(USER, "/events").said["server"] for _ in range(40)]
    assert asked.count("canary") == 4


def test_a_weight_without_a_canary_changes_nothing(platform: Cluster, tmp_path: Path) -> None:
    with running(tmp_path, platform, "core", {"core": [Named("stable")]}, weight=100) as edge:
        assert edge.ask(USER, "/events").said["server"] == "stable"


def test_too_large_a_body_is_refused(core: RunningEdge) -> None:
    assert core.ask(USER, "/events", "POST", b"x" * 900_000).status == 200
    assert core.ask(USER, "/events", "POST", b"x" * 1_100_000).status == 413


def test_every_answer_asks_for_https(core: RunningEdge) -> None:
    for answer in (core.ask(USER, "/events"), core.ask(USER, "/events", "POST", b"x" * 1_100_000)):
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert answer.headers["server"] == "nginx"


def test_json_is_compressed_for_those_who_can_read_it(core: RunningEdge) -> None:
    assert core.ask(USER, "/events", headers={"Accept-Encoding": "gzip"}).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in core.ask(USER, "/events").headers


def test_http_is_sent_to_https(core: RunningEdge) -> None:
    answer = core.ask_plainly(USER, "/events?a=b")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{USER}/events?a=b")


def test_a_foreign_name_is_nobody_s(core: RunningEdge) -> None:
    assert core.ask(USER, "/events", headers={"Host": "pryv.example"}).status == 421


def test_only_encryption_with_forward_secrecy_is_spoken(core: RunningEdge) -> None:
    with core.handshake(USER) as connection:
        assert connection.version() == "TLSv1.3"
    with core.handshake(USER, "ECDHE+AESGCM") as connection:
        assert connection.version() == "TLSv1.2"
    for refused in ("AES256-GCM-SHA384:AES128-SHA", "ECDHE+AES+SHA256:ECDHE+SHA:DHE+AESGCM"):
        with pytest.raises(ssl.SSLError):
            core.handshake(USER, refused)


def test_the_log_has_the_request_but_no_token(core: RunningEdge) -> None:
    path = "/attachment/a1?auth=topsecret&b=1&readToken=alsosecret&marked"
    core.ask(USER, path, headers={"User-Agent": "browser", "Referer": "https://here.example"})
    line = core.logged("marked")
    request = '"GET /attachment/a1?auth=***&b=1&readToken=***&marked HTTP/1.1" 200 '
    assert f'127.0.0.1 "{USER}" {request}' in line
    assert '"https://here.example" "browser"' in line
    assert "secret" not in core.output.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("host", "path", "status", "server"),
    [
        ("reg.pryv.example", "/service/info", 200, "register"),
        ("access.pryv.example", "/access", 200, "register"),
        ("lisa.pryv.example", "/", 200, "register"),
        ("mail.pryv.example", "/sendmail/welcome-email/en", 200, "mail"),
        ("mail.pryv.example", "/", 404, ""),
        ("adm.pryv.example", "/users", 200, "admin_panel"),
    ],
)
def test_the_registry_s_names_lead_to_its_parts(tmp_path: Path, host: str, path: str, status: int, server: str) -> None:
    platform = platforms.cluster(tmp_path, registry={"admin_panel": {"enabled": True}})
    servers = {name: [Named(name)] for name in ("register", "mail", "admin_panel")}
    with running(tmp_path, platform, "registry", servers) as edge:
        answer = edge.ask(host, path)
        assert (answer.status, answer.said.get("server", "")) == (status, server)
        assert answer.said.get("path", path) == path


@pytest.mark.parametrize("role", ["registry", "replica", "single"])
def test_a_register_that_is_down_is_passed_over(platform: Cluster, tmp_path: Path, role: str) -> None:
    lost, there = Named("lost", silent=True), Named("there")
    with running(tmp_path, platform, role, {"register": [lost, there]}) as edge:
        for _ in range(4):
            answer = edge.ask("reg.pryv.example", "/service/info")
            assert (answer.status, answer.said["server"]) == (200, "there")
        assert lost.seen


def test_a_post_that_was_sent_is_not_sent_twice(platform: Cluster, tmp_path: Path) -> None:
    registers = [Named("lost", silent=True), Named("lost too", silent=True)]
    with running(tmp_path, platform, "registry", {"register": registers}) as edge:
        assert edge.ask("reg.pryv.example", "/user", "POST", b"{}").status == 502
    assert sum(len(register.seen) for register in registers) == 1


@pytest.mark.parametrize(
    ("url", "path", "seen"),
    [
        ("http://app_web_auth3_server", "/", "/access/index.html"),
        ("http://app_web_auth3_server", "/access/access.html?a=b", "/access/index.html?a=b"),
        ("http://app_web_auth3_server", "/access/static/main.js", "/access/static/main.js"),
        ("http://127.0.0.1:PORT", "/access/access.html", "/access/index.html"),
        ("http://127.0.0.1:PORT/app-web-auth3/", "/access/access.html?a=b", "/app-web-auth3/index.html?a=b"),
        ("http://127.0.0.1:PORT/app-web-auth3", "/access/static/a.css", "/app-web-auth3/static/a.css"),
        ("http://127.0.0.1:PORT/a$b", "/", "/a%24b/index.html"),
    ],
)
def test_the_static_site_shows_one_page_and_its_files(
    platform: Cluster, tmp_path: Path, url: str, path: str, seen: str
) -> None:
    pages = Named("pages")
    address = url.replace("PORT", str(pages.port))
    changed = replace(platform, settings={**platform.settings, "APP_WEB_AUTH_URL": address})
    with running(tmp_path, changed, "static", {"app_web_auth3": [pages]}) as edge:
        answer = edge.ask("sw.pryv.example", path)
        assert (answer.status, answer.said["path"]) == (200, seen)


def test_the_mfa_app_comes_from_the_public_pages(platform: Cluster, tmp_path: Path) -> None:
    with running(tmp_path, platform, "static", {"pages": [Named("pages")]}) as edge:
        answer = edge.ask("mfa.pryv.example", "/index.html?a=b", headers={"Cookie": "sso=1"})
        assert answer.said["path"] == "/app-web-mfa/index.html?a=b"
        assert "cookie" not in answer.said["headers"]


@pytest.mark.parametrize(
    ("host", "path", "server"),
    [
        ("reg.pryv.example", "/service/info", "register"),
        ("access.pryv.example", "/access", "register"),
        ("sw.pryv.example", "/access/access.html", "app_web_auth3"),
        ("mfa.pryv.example", "/", "pages"),
        ("co1.pryv.example", "/service/info", "core"),
        ("lisa.pryv.example", "/events", "core"),
        ("lisa.pryv.example", "/events/c1/series", "hfs"),
        ("lisa.pryv.example", "/auth/login", "mfa"),
    ],
)
def test_one_machine_serves_every_role(tmp_path: Path, host: str, path: str, server: str) -> None:
    names = ("core", "mfa", "hfs", "preview", "register", "app_web_auth3", "pages")
    with running(tmp_path, platforms.single(tmp_path), "single", {name: [Named(name)] for name in names}) as edge:
        assert edge.ask(host, path).said["server"] == server

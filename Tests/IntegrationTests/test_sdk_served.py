"""The browser SDK's files over HTTP, and the command that prints the snippet."""
import base64
import gzip
import hashlib
import json
import re

import pytest

from service import KEY, ROOT, Service, run

SCRIPT = (ROOT / "Sources/BrowserSDK/published/okla-1.0.0.min.js").read_bytes()
HASH = hashlib.sha256(SCRIPT).hexdigest()[:16]
NEWEST, PINNED = "/sdk/v1/okla.min.js", f"/sdk/v1/okla.{HASH}.min.js"
SNIPPET = (ROOT / "Sources/BrowserSDK/snippet.html").read_text().strip()


def test_every_published_version_is_in_the_binary():
    """A page has a version by its hash for as long as it likes."""
    source = (ROOT / "Sources/BrowserSDK/browser_sdk.c").read_text()
    embedded = re.findall(r'#embed "published/(.*)"', source)
    assert sorted(embedded) == sorted(file.name for file in (ROOT / "Sources/BrowserSDK/published").iterdir())
    versions = re.findall(r"\{\{(script_\w+), sizeof script_\w+\}, \{(map_\w+),", source)
    assert len(versions) == len(embedded) / 2


@pytest.mark.parametrize("path, caching", [(NEWEST, "public, max-age=300"), (PINNED, "public, max-age=31536000, immutable")])
def test_the_script_is_what_was_published(service, path, caching):
    answer = service.request("GET", path)
    assert (answer.status, answer.body) == (200, SCRIPT)
    headers = answer.headers
    assert headers["content-type"] == "text/javascript; charset=utf-8" and headers["cache-control"] == caching
    assert headers["access-control-allow-origin"] == "*" and headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["vary"] == "Accept-Encoding" and headers["x-content-type-options"] == "nosniff"
    assert headers["sourcemap"] == f"{PINNED}.map" and "content-encoding" not in headers


@pytest.mark.parametrize("accepted, is_compressed", [
    ("gzip", True), ("gzip, deflate, br, zstd", True), ("br;q=1.0, gzip;q=0.8, *;q=0.1", True), ("*", True), ("GZIP", True), ("x-gzip", True),
    ("gzip;q=0", False), ("br", False), ("identity", False), ("*;q=0", False), ("gzip; q=0.000", False), ("", False), ("*, gzip;q=0", False),
])
def test_it_is_compressed_for_who_takes_that(service, accepted, is_compressed):
    answer = service.request("GET", NEWEST, headers={"Accept-Encoding": accepted})
    assert answer.status == 200
    if is_compressed:
        assert answer.headers["content-encoding"] == "gzip" and gzip.decompress(answer.body) == SCRIPT and len(answer.body) <= 6144
    else:
        assert "content-encoding" not in answer.headers and answer.body == SCRIPT
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("known, status", [
    ("{}", 304), ('"other", {}', 304), ("*", 304), ("strong", 304), ('"other"', 200), ("", 200), ("{}x", 200), ('W/"', 200),
])
def test_who_has_it_gets_no_body(service, known, status):
    tag = service.request("GET", NEWEST).headers["etag"]
    assert tag == f'W/"{HASH}"'
    value = tag.removeprefix("W/") if known == "strong" else known.replace("{}", tag)
    answer = service.request("GET", NEWEST, headers={"If-None-Match": value})
    assert answer.status == status
    assert answer.body == (SCRIPT if status == 200 else b"")
    assert answer.headers["etag"] == tag and answer.headers["cache-control"] == "public, max-age=300"


def test_a_head_is_the_same_without_the_body(service):
    get, head = (service.request(method, PINNED, headers={"Accept-Encoding": "gzip"}) for method in ("GET", "HEAD"))
    different = {"date"}
    assert head.status == 200 and head.body == b""
    assert {k: v for k, v in head.headers.items() if k not in different} == {k: v for k, v in get.headers.items() if k not in different}


def test_its_source_map_leads_to_the_modules(service):
    answer = service.request("GET", f"{PINNED}.map", headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    sources = json.loads(gzip.decompress(answer.body))["sources"]
    assert "../modules/outbox.js" in sources and not any("/" in source.removeprefix("../modules/").removeprefix("automatic/") for source in sources)


@pytest.mark.parametrize("path", ["/sdk/v1/", "/sdk/v1/okla.0000000000000000.min.js", "/sdk/v1/okla.js", "/sdk/v1/../v1/okla.min.js.map", "/sdk/v1/okla.min.js/"])
def test_nothing_else_is_there(service, path):
    assert service.request("GET", path).status in (404, 200) and (path.endswith("min.js/") or service.request("GET", path).status == 404)


def test_any_page_may_load_it_whatever_the_keys_allow(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"EventTracking": {"WriteKeys": [{"Key": "k", "Name": "shop", "AllowedOrigins": ["https://okla.com.do"]}]}}))
    with Service(tmp_path / "data", arguments=["--config", config], generated_keys=True) as service:
        for origin in ("https://okla.com.do", "https://elsewhere.test", "null"):
            assert service.request("GET", NEWEST, headers={"Origin": origin}).headers["access-control-allow-origin"] == "*"


def test_it_is_served_while_the_log_takes_nothing(tmp_path):
    with Service(tmp_path / "data", {"LOG_MIN_FREE_BYTES": str(1 << 60)}) as service:
        assert service.request("GET", NEWEST).status == 200


# The command

def snippet(*arguments, status=0, **options):
    result = run("sdk", "snippet", *arguments, **options)
    assert result.returncode == status, result.stderr
    return result


def test_the_snippet_is_that_of_the_specification_with_host_and_key():
    result = snippet("--key", "k-1", "--host", "https://events.okla.com.do/")
    expected = SNIPPET.replace("https://cdn.okla.com.do/", "https://events.okla.com.do/").replace("YOUR_WRITE_KEY", "k-1")
    assert result.stdout == expected + "\n"


def test_a_pinned_snippet_has_the_hash_in_both_places():
    text = snippet("--key", "k-1", "--host", "https://events.okla.com.do", "--pinned").stdout
    integrity = base64.b64encode(hashlib.sha384(SCRIPT).digest()).decode()
    assert f'e.src = "https://events.okla.com.do{PINNED}";' in text and f'e.integrity = "sha384-{integrity}";' in text
    assert 'e.crossOrigin = "anonymous";' in text


def test_it_says_what_a_policy_has_to_allow():
    result = snippet("--key", "k-1", "--host", "https://events.okla.com.do")
    script = result.stdout.strip().removeprefix("<script>").removesuffix("</script>")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}' https://events.okla.com.do{NEWEST}; connect-src https://events.okla.com.do/api/events/batch" in result.stderr


def test_a_key_with_anything_in_it_stays_within_its_quotes():
    key = 'a"</script><!--\\\n\u2028é🚗&'
    text = snippet("--key", key, "--host", "https://e.test").stdout
    written = re.search(r"o\.load\((.*)\);", text)[1]
    assert json.loads(written) == key and text.count("<") == SNIPPET.count("<") and written.isascii()


@pytest.mark.parametrize("host", ["", "events.okla.com.do", "ftp://e.test", "https://", "https://e.test?x=1", "https://e.test/#a", "https://u:p@e.test",
                                  'https://e.test/"', "https://e.test/<script>", "javascript:alert(1)", "https://e.test/ x", "https://e.test;x"])
def test_an_address_that_is_none_is_refused(host):
    result = snippet("--key", "k", "--host", host, status=1)
    assert result.stdout == "" and "https://events.example.com" in result.stderr


def test_the_key_is_found_as_send_finds_it(tmp_path, service):
    missing = snippet("--host", "https://e.test", "--data-dir", str(tmp_path / "none"), status=1)
    assert "no write key" in missing.stderr and "credentials.json" in missing.stderr
    (tmp_path / "credentials.json").write_text('{"writeKey":"stored-key"}')
    assert 'o.load("stored-key")' in snippet("--host", "https://e.test", "--data-dir", str(tmp_path)).stdout
    assert f'o.load("{KEY}")' in snippet("--write-key", KEY, "--host", "https://e.test").stdout

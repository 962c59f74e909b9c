"""What the service adds to events: place, browser, system, device, bot; and whose address it is behind proxies."""
import json
import shutil

import pytest
from service import ENRICHED, ROOT, Service

CITY = ROOT / "Fixtures/geo/city.mmdb"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def enriched(tmp_path, **environment):
    return Service(tmp_path / "data", {**ENRICHED, **{f"EVENT_TRACKING_{name}": value for name, value in environment.items()}})


def refusal(tmp_path, **environment):
    """What a start says that cannot go on."""
    with pytest.raises(RuntimeError) as refused, enriched(tmp_path, **environment):
        pass
    assert "ended with 1:" in str(refused.value)
    return str(refused.value).splitlines()[-1]


def context(service, event=None, **headers):
    """The context of an event as it is stored."""
    event = {"event": "a", "userId": "u", **(event or {})}
    answer = service.post("/api/events?receipts=true", event, **headers)
    assert answer.status == 202, answer.body
    place = answer.json["results"][0]
    [record] = [r for r in service.records() if (r["partition"], r["offset"]) == (place["partition"], place["offset"])]
    return record["value"]["context"]


def test_the_place_is_that_of_the_client_behind_a_trusted_proxy(tmp_path):
    with enriched(tmp_path, ENRICHMENT_GEO_IP_DATABASE=str(CITY)) as service:
        found = context(service, X_Forwarded_For="10.9.8.7, 192.0.2.1")
        assert found["ip"] == "192.0.2.1" and found["geo"]["country"] == "DO" and found["geo"]["timezone"] == "America/Santo_Domingo"
        assert context(service, X_Forwarded_For="192.0.2.1:4711")["ip"] == "192.0.2.1"
        assert context(service, Forwarded='for="[2001:db8:d0::1]:80";proto=https')["geo"]["country"] == "DO"
        # Two proxies' headers that disagree: neither is believed.
        assert context(service, X_Forwarded_For="192.0.2.1", Forwarded="for=192.0.2.9")["ip"] == "127.0.0.1"
        assert "geo" not in context(service)


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(tmp_path):
    with enriched(tmp_path, TRUSTED_PROXIES="10.0.0.0/8, 192.168.0.0/16") as service:
        assert context(service, X_Forwarded_For="192.0.2.1")["ip"] == "127.0.0.1"


def test_addresses_are_anonymized_also_for_the_rejected(tmp_path):
    with enriched(tmp_path, ENRICHMENT_ANONYMIZE_IP="true", ENRICHMENT_GEO_IP_DATABASE=str(CITY)) as service:
        found = context(service, X_Forwarded_For="192.0.2.77")
        assert found["ip"] == "192.0.2.0" and found["geo"]["country"] == "DO"
        assert service.post("/api/events", {"event": "a"}, X_Forwarded_For="192.0.2.77").status == 422
        [rejected] = service.records("okla.events.rejected")
        assert rejected["headers"]["clientAddress"] == "192.0.2.0"
        assert "192.0.2.77" not in json.dumps(rejected)


def test_browsers_are_told_and_bots_are_marked_and_stored(tmp_path):
    with enriched(tmp_path) as service:
        found = context(service, {"context": {"userAgent": CHROME}})
        assert found["browser"] == {"name": "Chrome", "version": "120.0.0"}
        assert found["os"] == {"name": "Windows", "version": "10"}
        assert found["device"] == {"type": "desktop", "manufacturer": None, "model": None}
        assert "bot" not in found
        assert context(service, User_Agent=GOOGLEBOT)["bot"] == {"isBot": True, "rule": "uap:Googlebot"}
        assert "bot" in context(service, User_Agent="curl/8.5.0")


def test_each_part_can_be_turned_off(tmp_path):
    with enriched(
        tmp_path, ENRICHMENT_GEO_IP="false", ENRICHMENT_USER_AGENT="false", ENRICHMENT_BOT_DETECTION="false",
        ENRICHMENT_GEO_IP_DATABASE=str(CITY)) as service:
        found = context(service, {"context": {"userAgent": GOOGLEBOT}}, X_Forwarded_For="192.0.2.1")
        assert found == {"userAgent": GOOGLEBOT, "ip": "192.0.2.1"}


def test_a_database_that_cannot_be_used_refuses_the_start(tmp_path):
    torn = tmp_path / "torn.mmdb"
    torn.write_bytes(CITY.read_bytes()[:-100])
    for path, words in [(torn, "torn.mmdb"), (tmp_path / "none.mmdb", "none.mmdb"), (ROOT / "Fixtures/geo/asn.mmdb", "City or Country")]:
        assert words in refusal(tmp_path, ENRICHMENT_GEO_IP_DATABASE=str(path))


def test_rules_that_cannot_be_used_refuse_the_start(tmp_path):
    broken = tmp_path / "rules.yaml"
    broken.write_text("user_agent_parsers:\n  - regex: '('\nos_parsers: []\ndevice_parsers: []\n")
    assert "rules.yaml" in refusal(tmp_path, ENRICHMENT_USER_AGENT_RULES=str(broken))
    assert "none.yaml" in refusal(tmp_path, ENRICHMENT_USER_AGENT_RULES=str(tmp_path / "none.yaml"))


def test_a_database_that_is_cut_while_it_is_used_harms_nobody(tmp_path):
    path = tmp_path / "city.mmdb"
    shutil.copy(CITY, path)
    with enriched(tmp_path, ENRICHMENT_GEO_IP_DATABASE=str(path)) as service:
        path.write_bytes(b"")
        assert context(service, X_Forwarded_For="192.0.2.1")["geo"]["country"] == "DO"

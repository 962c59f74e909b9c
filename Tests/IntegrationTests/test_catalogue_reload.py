"""SIGHUP: the catalogue is read again while events come."""
import http.client
import os
import shutil
import signal
import threading

import pytest

from catalogue import READ_AGAIN, base, event, hang_up, replace, requiring, schema, told, with_catalogue
from service import wait_until


def test_what_has_changed_counts_for_the_next_event(tmp_path, own):
    schema(own, "goes.json", requiring("a"))
    with with_catalogue(tmp_path, own, EVENT_TRACKING_UNKNOWN_EVENTS="reject") as service:
        assert told(service.post("/api/events", event("comes", {}))) == [("/event", "unknownEvent")]
        schema(own, "comes.json", requiring("b"))
        (own / "goes.json").unlink()
        schema(own, "logout.json", requiring("c"))
        schema(own, "shared/event.json", base(sessionId={"type": "string", "pattern": "^s-"}))
        assert told(service.post("/api/events", event("comes", {}))) == [("/event", "unknownEvent")], "not before it is told to"
        hang_up(service)
        assert told(service.post("/api/events", [event("comes", {}), event("goes", {"a": 1}), event("logout", {})])) == [
            ("/properties/b", "required"), ("/event", "unknownEvent"), ("/properties/c", "required")]
        assert told(service.post("/api/events", event("login", {}, sessionId="1"))) == [("/sessionId", "pattern")]
        (own / "logout.json").unlink()
        hang_up(service)
        assert service.post("/api/events", event("logout")).status == 202, "the built-in one is back"


@pytest.mark.parametrize("text, words", [
    ({"required": "b"}, "mine.json#/required: must be a list of names"), ("{", "mine.json#: expected a member name"),
    ("x" * ((1 << 20) + 1), "mine.json: has more than 1048576 bytes"), (None, "is no directory that can be read"),
], ids=["wrong", "no JSON", "large", "no directory"])
def test_one_that_is_broken_changes_nothing_until_it_is_mended(tmp_path, own, text, words):
    schema(own, "mine.json", requiring("b"))
    with with_catalogue(tmp_path, own) as service:
        schema(own, "vehicle_view.json", requiring("price"))
        if text is None:
            shutil.rmtree(own)
        else:
            schema(own, "mine.json", text)
        hang_up(service, words)
        assert READ_AGAIN not in service.log_path.read_text()
        assert told(service.post("/api/events", event("mine", {"a": 1}))) == [("/properties/b", "required")]
        assert service.post("/api/events", event("vehicle_view", {"vehicleId": "v"})).status == 202, "no part of it counts"
        schema(own, "mine.json", requiring("a"))
        hang_up(service)
        assert service.post("/api/events", event("mine", {"a": 1})).status == 202


def test_a_link_that_leads_elsewhere_now_is_followed(tmp_path):
    for version in "a", "b":
        schema(tmp_path / version, "mine.json", requiring(version))
    current = tmp_path / "current"
    current.symlink_to("a")
    with with_catalogue(tmp_path, current) as service:
        assert told(service.post("/api/events", event("mine", {}))) == [("/properties/a", "required")]
        (tmp_path / "next").symlink_to("b")
        os.replace(tmp_path / "next", current)
        hang_up(service)
        assert told(service.post("/api/events", event("mine", {}))) == [("/properties/b", "required")]


def test_no_request_is_lost_and_none_is_judged_by_two_catalogues(tmp_path, own):
    """Three clients send batches that fit either one version or the other, while the catalogue goes back and forth between them."""
    schema(own, "mine.json", requiring("a"))
    with with_catalogue(tmp_path, own) as service:
        answers, lost, ended = [], [], threading.Event()

        def post():
            while not ended.is_set():
                try:
                    answers.append(service.post("/api/events", [event("mine", {"a": 1})] * 50, compress="gzip"))
                except (OSError, http.client.HTTPException) as error:
                    lost.append(error)

        senders = [threading.Thread(target=post) for _ in range(3)]
        for sender in senders:
            sender.start()
        try:
            for number in range(20):
                replace(own, "mine.json", requiring("ba"[number % 2]))
                hang_up(service)
                seen = len(answers)
                wait_until(lambda: len(answers) >= seen + 4)
        finally:
            ended.set()
            for sender in senders:
                sender.join()
        assert lost == []
        outcomes = {(answer.status, answer.json["accepted"], answer.json["rejected"]) for answer in answers}
        assert outcomes == {(202, 50, 0), (422, 0, 50)}
        assert len(service.records()) == sum(answer.json["accepted"] for answer in answers)
        assert len(service.records("okla.events.rejected")) == sum(answer.json["rejected"] for answer in answers)
        assert service.stop() == 0


def test_without_a_directory_it_says_so_and_goes_on(service):
    for _ in range(3):
        hang_up(service, "no EventTracking.Catalog is configured, so there is nothing to read again")
    assert service.post("/api/events", event("logout")).status == 202
    assert service.stop() == 0


def test_a_service_that_is_starting_does_not_end_by_it(tmp_path, own):
    """So many schemas that the start takes a while after it has made the data directory."""
    for number in range(1000):
        schema(own, f"event {number}.json", requiring("a"))
    service = with_catalogue(tmp_path, own).start(wait=False)
    wait_until(service.data_dir.exists)
    service.process.send_signal(signal.SIGHUP)
    line = service.process.stdout.readline()
    assert line, f"it ended with {service.ended()}"
    service.listening(line)
    assert told(service.post("/api/events", event("event 999", {}))) == [("/properties/a", "required")]
    assert service.stop() == 0


def test_a_directory_without_schemas_is_one_to_fill_later(tmp_path, own):
    with with_catalogue(tmp_path, own) as service:
        assert told(service.post("/api/events", event("vehicle_view", {}))) == [("/properties/vehicleId", "required")]
        schema(own, "mine.json", requiring("a"))
        hang_up(service)
        assert told(service.post("/api/events", event("mine", {}))) == [("/properties/a", "required")]

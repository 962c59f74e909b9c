"""Events as a marketplace for cars has them, drawn at random: enough of everything that somebody counts."""


def event(chance, number, prefix="m", users=200):
    """One event. `prefix` and `number` make its messageId."""
    user = f"user-{chance.randrange(users)}"
    anonymous = f"anon-{chance.randrange(users)}"
    vehicle = f"vehicle-{chance.randrange(50)}"
    base = {"messageId": f"{prefix}-{number}", "sessionId": f"session-{chance.randrange(users)}"}
    who = chance.random()
    if who < 0.6:
        base["userId"] = user
    if who > 0.3:
        base["anonymousId"] = anonymous
    kind = chance.random()
    if kind < 0.4:
        return {**base, "event": "vehicle_view", "properties": {"vehicleId": vehicle, "source": "search_results"}}
    if kind < 0.6:
        names = chance.sample(["make", "model", "year", "price", "color", "año"], chance.randrange(4))
        return {**base, "event": "search", "properties": {
            "query": "toyota rav4", "filters": {name: "x" for name in names}, "resultsCount": chance.randrange(100)}}
    if kind < 0.75:
        dealer = {"dealerId": f"dealer-{chance.randrange(8)}"} if chance.random() < 0.7 else {}
        return {**base, "event": "lead_form_submit", "properties": {"vehicleId": vehicle, "leadId": f"lead-{number}", **dealer}}
    if kind < 0.8:
        return {**base, "event": "identify", "userId": user, "anonymousId": anonymous, "traits": {"name": "Juan Pérez", "plan": None}}
    return {**base, "event": "page_view", "properties": {"url": f"https://okla.com.do/{number}", "title": "OKLA \"🚗\"\tx"}}


def events(chance, count, prefix="m", users=200):
    return [event(chance, number, prefix, users) for number in range(count)]


def post(service, events):
    """Has them stored; each once, whatever is answered on the way."""
    for start in range(0, len(events), 100):
        batch = events[start:start + 100]
        answer = service.post("/api/events", batch, compress="gzip")
        assert answer.status == 202, answer.body
        assert answer.json["accepted"] == len(batch), answer.body

"""Ingestion without HTTP: what each stage takes, all of it, and all of it with a log; beside the bare floor, of the same bodies."""
import report
from run import median
from workspace import FIXTURES, INGEST_BENCH, USER_AGENT_BENCH, fresh_folder

TITLE = "Ingestion, stage by stage"
GOAL_RATIO = 2.5
STAGES = {
    "decode": "decode: inflate, parse, find the events and their envelopes",
    "validate": "validate: the envelope's rules, the schema of each event's name",
    "enrich": "enrich: address, place, user agent, times",
    "deduplicate": "deduplicate: hash, reserve and settle the ids, among a million others",
    "encode": "encode: each event's text with what is added, key, headers, partition",
}


def measure(run):
    rounds, bodies = [], run.bodies()
    for number in range(1, run.rounds + 1):
        run.progress(f"ingest: round {number} of {run.rounds}")
        before = run.measure_floor()["ns"]["total"]
        with fresh_folder() as folder:
            found = run.program(INGEST_BENCH, "stages", bodies, folder / "log", "--geo", FIXTURES / "geo/city.mmdb")
        found["floor_ns"] = (before + run.measure_floor()["ns"]["total"]) / 2
        found["sum_ns"] = sum(found["stages_ns"].values())
        found["rest_ns"] = found["whole_ns"] - found["sum_ns"]
        found["log_ns"] = found["everything_ns"] - found["whole_ns"]
        found["ratio"] = found["everything_ns"] / found["floor_ns"]
        rounds.append(found)
    run.progress("ingest: user agents")
    agents = run.program(USER_AGENT_BENCH)
    print_stages(run, rounds)
    print_user_agents(run, rounds, agents)
    run.goal("ingest", "CPU of ingestion with everything on and the log, durability os, 12 partitions / the bare floor", median(rounds, "ratio"),
             GOAL_RATIO, "")
    return {"rounds": rounds, "user_agents": agents}


def print_stages(run, rounds):
    floor = median(rounds, "floor_ns")

    def line(name, ns):
        return {"name": name, "ns": ns, "floors": ns / floor}
    stages = [line(name, median([found["stages_ns"] for found in rounds], stage)) for stage, name in STAGES.items()]
    report.say(f"{rounds[0]['events']:,} events in the floor's own gzip batches of 100, no HTTP; catalogue, user agents, places, limits and ledger are on. The stages "
               "and the whole pipeline on one thread in turns, batch by batch; the last row with the log on the disk, durability os, 12 partitions, 8 batches "
               f"on their way. A record has {rounds[0]['record_bytes']:,.0f} bytes, an event as it comes {run.floor_rounds[-1]['json_bytes_per_event']:,.0f}.", "")
    report.table([("stage", "", "name"), ("CPU ns/event", ",.0f", "ns"), ("of the floor", ".2f", "floors")], [
        *stages,
        line("**sum of the stages**", median(rounds, "sum_ns")),
        line("the rest: write key, limits, ledger, answer", median(rounds, "rest_ns")),
        line("**the whole pipeline**, measured by itself", median(rounds, "whole_ns")),
        line("the log: LZ4, CRC-32C, write(2), its threads", median(rounds, "log_ns")),
        line("**everything**, measured by itself", median(rounds, "everything_ns")),
        line("the bare floor, just before and after", floor)])
    apart = median([{"share": found["sum_ns"] / found["whole_ns"]} for found in rounds], "share")
    report.say(f"The stages, each measured alone, are together {apart:.0%} of the pipeline measured as a whole.", "")


def print_user_agents(run, rounds, agents):
    """The generator's events have one user agent. How it is with many is measured by itself, and what that would add is told."""
    lookups, misses = rounds[0]["user_agent_lookups"], rounds[0]["user_agent_misses"]
    report.say(f"User agents: all events above have the same one, which is looked up once a request ({misses} of {lookups:,} lookups missed). Drawn as "
               f"from traffic (the k-th most frequent of {agents['strings']:,} with a probability like 1/k, of which {agents['entries']:,} are remembered):", "")
    report.table([("user agents", "", "name"), ("", "", "value")], [
        {"name": "cache hit rate", "value": f"{agents['zipf_hit_rate']:.1%}"},
        {"name": "a miss", "value": f"{agents['miss_ns']:,} ns"},
        {"name": "a hit", "value": f"{agents['hit_ns']:,} ns"},
        {"name": "a lookup on average", "value": f"{agents['zipf_ns']:,} ns"},
        {"name": "everything / the floor, if every event of a batch had such a user agent of its own",
         "value": f"{median([{'r': (found['everything_ns'] + agents['zipf_ns']) / found['floor_ns']} for found in rounds], 'r'):.2f}"}])

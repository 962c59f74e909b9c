"""Writes inputs for the fuzzer to begin with into the folder that is named: messages that kafka-python has written, each behind a request's header, and record
batches that other programs have made."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Number, and the first version with tagged fields in the header.
APIS = {
    "Produce": (0, 9), "Fetch": (1, 12), "ListOffsets": (2, 6), "Metadata": (3, 9), "OffsetCommit": (8, 8), "OffsetFetch": (9, 6), "FindCoordinator": (10, 3),
    "JoinGroup": (11, 6), "Heartbeat": (12, 4), "LeaveGroup": (13, 4), "SyncGroup": (14, 4), "DescribeGroups": (15, 5), "ListGroups": (16, 3), "SaslHandshake": (17, 99),
    "ApiVersions": (18, 3), "CreateTopics": (19, 5), "DeleteTopics": (20, 4), "DeleteRecords": (21, 2), "InitProducerId": (22, 2), "OffsetForLeaderEpoch": (23, 4),
    "DescribeConfigs": (32, 4), "SaslAuthenticate": (36, 2), "CreatePartitions": (37, 2), "DeleteGroups": (42, 2), "OffsetDelete": (47, 99), "DescribeCluster": (60, 0)}


def messages():
    """(name, message behind a header)"""
    for line in (ROOT / "Fixtures/kafka-messages/kafka-python.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, version, *body = line.split()
        number, first_flexible = {key.lower(): value for key, value in APIS.items()}[name.removesuffix("Request").removesuffix("Response").lower()]
        header = number.to_bytes(2, "big") + int(version).to_bytes(2, "big") + bytes(4) + b"\0\1c" + (b"\0" if int(version) >= first_flexible else b"")
        yield name, header + bytes.fromhex("".join(body))


def seeds():
    yield from (message for _, message in messages())
    for path in (ROOT / "Fixtures/record-batches").glob("*.bin"):
        yield path.read_bytes()


if __name__ == "__main__":
    for number, seed in enumerate(seeds()):
        (pathlib.Path(sys.argv[1]) / f"{number}").write_bytes(seed)

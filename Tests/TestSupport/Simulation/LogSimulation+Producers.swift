internal import EventLog
internal import LogStorage

extension LogSimulation {
    /// A commit of whole batches, some of which may have come before.
    mutating func commitBatches(_ core: LogCore) throws {
        let open = producers.producers.indices.filter { core.topic(named: places[producers.producers[$0].place].topic) != nil }
        if open.isEmpty { return }
        var sent: [(number: Int, batch: SimulatedProducers.Batch)] = []
        for _ in 0..<Int(1 + random.next() % 3) {
            let number = open[Int(random.next() % UInt64(open.count))]
            // The same batch may come twice in one commit, but no other one before the first is answered.
            guard let first = sent.first(where: { $0.number == number }) else {
                sent.append((number, nextBatch(number)))
                continue
            }
            sent.append(first)
        }
        let group = WholeBatches.group(
            sent.map { number, batch in
                let producer = producers.producers[number]
                return WholeBatches.Batch(
                    core.topic(named: places[producer.place].topic)!.handle, places[producer.place].partition.number,
                    batch.records,
                    producer: (producer.id, producer.epoch, batch.sequence))
            }, timestamp: now, hasher: core.identityHasher)
        let receipts = core.commit([.batches(group)], now: uptime)
        defer { core.flush(now: uptime) }
        guard case .batches(let batches) = receipts[0] else { throw SimulationFailure("batches have a receipt of records") }
        trace(
            "batches " + zip(sent, batches).map { "\($0.number):\($1)" }.joined(separator: " ")
                + (fileSystem.isDown ? " down" : ""))
        if fileSystem.isDown { return }
        for ((number, batch), receipt) in zip(sent, batches) {
            guard let baseOffset = try producers.heard(receipt, of: batch, number) else { continue }
            for (place, record) in batch.records.enumerated() {
                oracle.acknowledge(
                    producers.producers[number].place, baseOffset + Int64(place), record.value,
                    isSynced: options.durability == .fsync)
                summary.acknowledged += 1
            }
        }
    }

    private mutating func nextBatch(_ number: Int) -> SimulatedProducers.Batch {
        let repeats = random.next() % 4 == 0
        var made: [(value: String, timestamp: Int64)] = []
        for _ in 0..<Int(1 + random.next() % 4) { made.append((value(), now + Int64(random.next() % 10_000) - 5000)) }
        let batch = producers.next(number, repeats: repeats) { made }
        for record in batch.records { oracle.partitions[producers.producers[number].place].submitted.insert(record.value) }
        return batch
    }
}

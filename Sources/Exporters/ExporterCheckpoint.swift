internal import Consumption
internal import EventLog

/// How far an exporter has come, as it keeps it in a file.
struct ExporterCheckpoint: Codable, Equatable {
    /// Of another log it says nothing.
    let log: String
    /// The next offset, of each partition.
    var positions: [Int64]
    var setAside: Int64 = 0
    /// Offsets without a record, by the cause's name.
    var missed: [String: Int64] = [:]

    init(log: String, positions: [Int64], passedOver: PassedOver = PassedOver()) {
        self.log = log
        self.positions = positions
        setAside = passedOver.setAside
        missed = Dictionary(passedOver.gaps.map { ($0.key.rawValue, $0.value) }) { first, _ in first }
    }

    var passedOver: PassedOver {
        var passedOver = PassedOver()
        passedOver.setAside = setAside
        for cause in ConsumptionGap.Cause.allCases { passedOver.gaps[cause] = missed[cause.rawValue] }
        return passedOver
    }

    /// Goes on behind a delivery.
    mutating func pass(_ delivery: Delivery) {
        var passedOver = passedOver
        passedOver.add(delivery)
        var positions = positions
        for (partition, position) in delivery.positions { positions[partition.number] = position }
        self = ExporterCheckpoint(log: log, positions: positions, passedOver: passedOver)
    }

    /// nil where nothing is kept of this log with so many partitions.
    ///
    /// - Throws: where the store cannot be read, or holds something else.
    static func load(from store: any CheckpointStore, log: String, partitionCount: Int) throws -> ExporterCheckpoint? {
        guard let kept = try store.load(ExporterCheckpoint.self, where: { $0.positions.allSatisfy { $0 >= 0 } }) else {
            return nil
        }
        return kept.log == log && kept.positions.count == partitionCount ? kept : nil
    }
}

extension PassedOver {
    mutating func add(_ delivery: Delivery) {
        setAside += Int64(delivery.setAside.count)
        for gap in delivery.gaps { gaps[gap.cause, default: 0] += Int64(gap.offsets.count) }
    }
}

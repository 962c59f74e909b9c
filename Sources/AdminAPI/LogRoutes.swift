internal import Collector
package import Hummingbird

/// What there is of the log, as an administrator is told.
package struct LogOverview: Sendable, Encodable {
    package struct Topic: Sendable, Encodable {
        let topic: String
        let records: Int64
        let bytes: Int
        let partitions: [Partition]

        package init(topic: String, partitions: [Partition]) {
            self.topic = topic
            self.partitions = partitions
            records = partitions.reduce(0) { $0 + $1.endOffset - $1.startOffset }
            bytes = partitions.reduce(0) { $0 + $1.bytes }
        }
    }

    package struct Partition: Sendable, Encodable {
        package struct Segment: Sendable, Encodable {
            let baseOffset: Int64
            let bytes: Int

            package init(baseOffset: Int64, bytes: Int) {
                self.baseOffset = baseOffset
                self.bytes = bytes
            }
        }

        let partition: Int
        let state: String
        /// Why it is not simply open and whole.
        let reason: String?
        let startOffset, endOffset: Int64
        let bytes: Int
        let segments: [Segment]

        package init(
            partition: Int, state: String, reason: String?, startOffset: Int64, endOffset: Int64, segments: [Segment]
        ) {
            self.partition = partition
            self.state = state
            self.reason = reason
            self.startOffset = startOffset
            self.endOffset = endOffset
            self.segments = segments
            bytes = segments.reduce(0) { $0 + $1.bytes }
        }
    }

    let topics: [Topic]
    let diskFreeBytes: Int?

    package init(topics: [Topic], diskFreeBytes: Int?) {
        self.topics = topics
        self.diskFreeBytes = diskFreeBytes
    }
}

extension LogOverview: ResponseEncodable {}

/// `GET /api/admin/log`: topics, partitions, segments, bytes, offsets.
package struct LogRoutes: Sendable {
    private let services: AdminServices

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        group.get("log") { _, _ in try services.opened().logOverview() }
    }
}

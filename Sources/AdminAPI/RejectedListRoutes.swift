internal import Collector
internal import EventLog
internal import EventModel
package import Hummingbird
internal import Ingestion
internal import RecordFormat

/// `GET /api/admin/rejected`: what was rejected and why, newest first.
///
/// Answers `{"events":[...],"nextCursor":null}`; with `nextCursor` as `cursor` the next page begins where this one ended.
package struct RejectedListRoutes: Sendable {
    private static let eventsDefault = 100
    private static let eventsMax: Int64 = 1000
    /// Of one page, so that a rare name is looked for in steps that end.
    private static let recordsMax: Int64 = 20_000
    private static let pageBytes = 8 << 20
    /// Offsets that are looked at together.
    private static let stepCount: Int64 = 500
    private static let readBytes = 256 << 10

    private let services: AdminServices

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        group.get("rejected") { request, _ in try await answer(request) }
    }

    private func answer(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request, known: ["limit", "cursor", "event"])
        let limit = Int(try parameters.integer("limit", 1...Self.eventsMax) ?? Int64(Self.eventsDefault))
        let before = try parameters.integer("cursor", 0...Int64.max)
        let services = try services.opened()
        do {
            return JSONResponse.make(
                .ok,
                try await page(
                    services.log, TopicPartition(services.rejectedTopic, PartitionID(0)), before: before, limit: limit,
                    event: parameters.text("event")))
        } catch let error as LogError {
            throw AdminError(.serviceUnavailable, "unavailable", error.message)
        }
    }

    private func page(
        _ log: any LogReader, _ partition: TopicPartition, before: Int64?, limit: Int, event: String?
    ) async throws -> [UInt8] {
        let bounds = try log.bounds(of: partition)
        var end = max(bounds.start.value, min(before ?? .max, bounds.highWatermark.value))
        let stop = max(bounds.start.value, end - Self.recordsMax)
        var found: [[UInt8]] = []
        var byteCount = 0
        while end > stop, found.count < limit, byteCount < Self.pageBytes {
            let start = max(stop, end - Self.stepCount)
            let step = try await events(log, partition, start..<end, event)
            end = start
            for (offset, text) in step.reversed() {
                // What is too much comes on the next page.
                if found.count == limit || byteCount >= Self.pageBytes { break }
                found.append(text)
                byteCount += text.count
                end = offset
            }
            if found.count < limit && byteCount < Self.pageBytes { end = start }
        }
        let next = end > bounds.start.value ? "\"\(end)\"" : "null"
        return Array("{\"events\":[".utf8) + found.joined(separator: Array(",".utf8)) + Array("],\"nextCursor\":\(next)}".utf8)
    }

    private func events(
        _ log: any LogReader, _ partition: TopicPartition, _ offsets: Range<Int64>, _ event: String?
    ) async throws -> [(offset: Int64, text: [UInt8])] {
        var found: [(Int64, [UInt8])] = []
        var next = offsets.lowerBound
        while next < offsets.upperBound {
            let batches = InflatedBatches(
                try await log.read(partition, from: Offset(next), maximumBytes: Self.readBytes))
            guard let behind = batches.nextOffset, behind > next else { break }
            for place in batches.place(atOrAfter: next)..<batches.place(atOrAfter: offsets.upperBound) {
                batches.withRecord(at: place) { record in
                    if let event, record.header("event")?.elementsEqual(event.utf8) != true { return }
                    found.append((record.offset, Self.text(record)))
                }
            }
            next = behind
        }
        return found
    }

    /// The members that `okla-events rejected list` prints.
    private static func text(_ record: RecordView) -> [UInt8] {
        var text = GrowableBytes(capacity: 512 + (record.value?.count ?? 0))
        text.append("{\"offset\":")
        text.append(decimal: Int(record.offset))
        text.append(",\"receivedAt\":\"")
        text.append(utf8: Timestamp.text(record.timestamp))
        text.append("\"")
        func member(_ name: StaticString, _ value: UnsafeRawBufferPointer?) {
            text.append(",\"")
            text.append(name)
            text.append("\":")
            guard let value else { return text.append("null") }
            JSONWriter.append(string: String(decoding: value, as: UTF8.self), to: &text)
        }
        member("event", record.header("event"))
        member("messageId", record.header("messageId"))
        member("writeKey", record.header("writeKey"))
        member("endpoint", record.header("endpoint"))
        member("clientAddress", record.header("clientAddress"))
        member("userAgent", record.header("userAgent"))
        member("key", record.key)
        text.append(",\"errors\":")
        if let errors = record.header("errors") { text.append(copying: errors) } else { text.append("[]") }
        // What was sent need not be JSON that others can read: nested too deep, a lone surrogate, a number out of range.
        text.append(",\"value\":")
        if let value = record.value, (try? JSONParser(depthMax: valueDepthMax).parse(value)) != nil {
            text.append(copying: value)
        } else {
            text.append("null")
            member("valueText", record.value)
        }
        text.append("}")
        return Array(copying: text)
    }

    private static let valueDepthMax = 64
}

internal import Foundation

/// The events of a file, cut into request bodies.
struct EventBatches {
    struct Failure: Error {
        let message: String
    }

    struct Batch: Sendable {
        /// The number of its first event in the file, from 1.
        let firstEvent: Int
        let count: Int
        /// A JSON array.
        let body: Data
    }

    /// The most bytes a body has before compression; the service's own limit for a body is on what it receives.
    private static let bodyBytesMax = 900_000

    private(set) var batches: [Batch] = []
    private(set) var eventCount = 0

    init(file: String, eventsMax: Int) throws(Failure) {
        let data: Data
        do {
            data =
                file == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(fileURLWithPath: file))
        } catch {
            throw Failure(message: "\(file): \(error.localizedDescription)")
        }
        let events = try Self.events(data, file: file)
        guard !events.isEmpty else { throw Failure(message: "\(file): holds no event") }
        var body = Data("[".utf8)
        var count = 0
        func close(_ batches: inout [Batch], before number: Int) {
            guard count > 0 else { return }
            body.append(UInt8(ascii: "]"))
            batches.append(Batch(firstEvent: number - count + 1, count: count, body: body))
            body = Data("[".utf8)
            count = 0
        }
        for (number, event) in events.enumerated() {
            if count == eventsMax || body.count + event.count > Self.bodyBytesMax { close(&batches, before: number) }
            if count > 0 { body.append(UInt8(ascii: ",")) }
            body.append(event)
            count += 1
        }
        close(&batches, before: events.count)
        eventCount = events.count
    }

    private static func events(_ data: Data, file: String) throws(Failure) -> [Data] {
        let isArray = data.first { $0 > 0x20 } == UInt8(ascii: "[")
        var found: [Data] = []
        if isArray {
            guard let array = (try? JSONSerialization.jsonObject(with: data)) as? [Any] else {
                throw Failure(message: "\(file): starts with [ but is not a JSON array")
            }
            for (number, event) in array.enumerated() {
                found.append(try identified(event, place: "\(file), event \(number + 1)"))
            }
        } else {
            for (number, line) in data.split(separator: UInt8(ascii: "\n")).enumerated()
            where line.contains(where: { $0 > 0x20 }) {
                let place = "\(file), line \(number + 1)"
                guard let event = try? JSONSerialization.jsonObject(with: line) else {
                    throw Failure(message: "\(place): not JSON")
                }
                // A line with an id goes as it is.
                if (event as? [String: Any])?["messageId"] is String {
                    found.append(Data(line))
                } else {
                    found.append(try identified(event, place: place))
                }
            }
        }
        return found
    }

    /// The event with a messageId, so that it can be repeated.
    private static func identified(_ event: Any, place: String) throws(Failure) -> Data {
        guard var object = event as? [String: Any] else { throw Failure(message: "\(place): not an object") }
        if !(object["messageId"] is String) { object["messageId"] = UUID().uuidString.lowercased() }
        do {
            return try JSONSerialization.data(withJSONObject: object, options: .withoutEscapingSlashes)
        } catch {
            throw Failure(message: "\(place): \(error.localizedDescription)")
        }
    }
}

internal import KafkaProtocol
internal import Synchronization

/// What the listener has done since it was started.
package final class BrokerMeters: Sendable {
    package struct Counts: Sendable {
        fileprivate var requests: [APIKey: Int64] = [:]
        /// Requests by the name of their API, in the order of Kafka's numbers.
        package var requestsByAPI: [(api: String, count: Int64)] {
            requests.sorted { $0.key.rawValue < $1.key.rawValue }.map { ("\($0.key)", $0.value) }
        }
        package fileprivate(set) var connections: Int64 = 0
        /// Connections that the listener has ended, because of what came over them, or because there were too many.
        package fileprivate(set) var refused: Int64 = 0
        package fileprivate(set) var receivedBytes: Int64 = 0
        package fileprivate(set) var sentBytes: Int64 = 0
    }

    private let state = Mutex(Counts())

    init() {}

    package var counts: Counts { state.withLock { $0 } }

    func accepted() { state.withLock { $0.connections += 1 } }
    func refused() { state.withLock { $0.refused += 1 } }

    func received(_ api: APIKey, byteCount: Int) {
        state.withLock { state in
            state.requests[api, default: 0] += 1
            state.receivedBytes += Int64(byteCount)
        }
    }

    func sent(byteCount: Int) { state.withLock { $0.sentBytes += Int64(byteCount) } }
}

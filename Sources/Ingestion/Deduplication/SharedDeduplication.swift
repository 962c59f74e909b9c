/// What several collectors know together of messageIds: so that an event which a client sends to two of them, since it had no answer from the
/// first, is stored once.
///
/// An id is claimed before its event is written, and confirmed when the event is durable. A claim that is never confirmed lapses: after a crash between
/// the two the client's next attempt is taken.
package protocol SharedDeduplication: Sendable {
    /// Calls `body` once, with what became of each id: soon, whatever happens to those who know. Not on the caller's thread, or on it before this
    /// returns; `body` must not block. Requests are answered in their order.
    func claim(_ ids: [[UInt8]], _ body: @escaping @Sendable ([SharedClaim]) -> Void)

    /// The events of these ids are durable here.
    func confirm(_ ids: [[UInt8]])

    /// The events of these ids, which were claimed here, were not written.
    func release(_ ids: [[UInt8]])
}

package enum SharedClaim: Sendable, Equatable {
    /// Nobody else has it; it is to be written here.
    case granted
    /// Another collector has stored it.
    case stored
    /// Another collector may be writing it.
    case pending
    /// Who would know cannot be asked. It is to be written here.
    case unknown
}

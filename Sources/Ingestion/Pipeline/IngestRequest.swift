/// A request as the edge hands it over, its body aside.
package struct IngestRequest: Sendable {
    package var endpoint: IngestEndpoint
    package var encoding: BodyEncoding
    /// The write key where one of the three places outside the body has it.
    package var writeKey: String?
    package var origin: String?
    /// The client's address, behind whatever proxies are trusted.
    package var clientAddress: IPAddress
    /// The request's own `User-Agent`.
    package var userAgent: String?
    /// Whether the answer lists every event, not only those that were not stored.
    package var wantsReceipts: Bool

    /// Where it was rejected before and is put through again.
    var earlier: Earlier?

    /// How an event that was rejected came in.
    struct Earlier: Sendable {
        /// Milliseconds since 1970.
        let receivedAt: Int64
        let sentAt: Int64?
        let writeKeyName: String
        /// For an event without one.
        let messageID: String
    }

    package init(
        endpoint: IngestEndpoint, encoding: BodyEncoding = .identity, writeKey: String?, origin: String? = nil,
        clientAddress: IPAddress, userAgent: String? = nil, wantsReceipts: Bool = false
    ) {
        self.endpoint = endpoint
        self.encoding = encoding
        self.writeKey = writeKey
        self.origin = origin
        self.clientAddress = clientAddress
        self.userAgent = userAgent
        self.wantsReceipts = wantsReceipts
    }
}

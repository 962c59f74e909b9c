/// The mechanism by which a client wants to say who it is.
package struct SASLHandshakeRequest: KafkaMessage {
    package static let api = APIKey.saslHandshake

    package var mechanism = ""

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&mechanism)
    }
}

/// The mechanisms that there are.
package struct SASLHandshakeResponse: KafkaMessage {
    package static let api = APIKey.saslHandshake

    package var error = KafkaErrorCode.none
    package var mechanisms: [String] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&error.rawValue)
        try coder.array(&mechanisms)
    }
}

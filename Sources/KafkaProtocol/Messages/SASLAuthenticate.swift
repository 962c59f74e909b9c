/// What the mechanism's client says.
package struct SASLAuthenticateRequest: KafkaMessage {
    package static let api = APIKey.saslAuthenticate

    package var authBytes: [UInt8] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.bytes(&authBytes)
    }
}

/// What the mechanism's server answers.
package struct SASLAuthenticateResponse: KafkaMessage {
    package static let api = APIKey.saslAuthenticate

    package var error = KafkaErrorCode.none
    package var errorMessage: String?
    package var authBytes: [UInt8] = []
    package var sessionLifetimeMilliseconds: Int64 = 0

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&error.rawValue)
        try coder.string(&errorMessage)
        try coder.bytes(&authBytes)
        if coder.version >= 1 { try coder.integer(&sessionLifetimeMilliseconds) }
    }
}

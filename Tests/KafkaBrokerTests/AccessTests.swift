import KafkaBroker
import KafkaProtocol
import Testing

@Suite struct AccessTests {
    private let users = [
        User(name: "ana", password: "secret", reads: [TopicPattern("okla.*")]), User(name: "señor", password: "ñ"),
    ]

    private func handshake(_ mechanism: String = "PLAIN") -> SASLHandshakeRequest {
        var request = SASLHandshakeRequest()
        request.mechanism = mechanism
        return request
    }

    private func authenticate(_ text: String) -> SASLAuthenticateRequest {
        var request = SASLAuthenticateRequest()
        request.authBytes = Array(text.utf8)
        return request
    }

    @Test func aPasswordLetsIn() {
        for text in ["\0ana\0secret", "ana\0ana\0secret", "\0señor\0ñ"] {
            var login = Login(users: users)
            #expect(!login.allows(.metadata) && login.allows(.apiVersions) && login.user == nil)
            #expect(login.handshake(handshake()).error == .none && login.user == nil)
            #expect(login.authenticate(authenticate(text)).error == .none)
            #expect(login.user != nil && login.allows(.metadata))
        }
    }

    @Test(arguments: [
        "", "\0", "\0\0", "\0ana\0", "\0ana\0secre", "\0ana\0secrets", "\0ana\0Secret", "\0\0secret", "\0an\0secret",
        "ana\0secret", "bob\0ana\0secret",
        "\0ana\0secret\0", "\0ana\0ñ", "\0señor\0secret",
    ])
    func anythingElseDoesNot(text: String) {
        var login = Login(users: users)
        _ = login.handshake(handshake())
        let response = login.authenticate(authenticate(text))
        #expect(response.error == .saslAuthenticationFailed && response.errorMessage?.isEmpty == false && login.user == nil)
        // It begins anew.
        #expect(login.authenticate(authenticate("\0ana\0secret")).error == .illegalSASLState && login.user == nil)
    }

    @Test func theStepsHaveAnOrder() {
        var login = Login(users: users)
        #expect(login.authenticate(authenticate("\0ana\0secret")).error == .illegalSASLState)
        let refused = login.handshake(handshake("SCRAM-SHA-256"))
        #expect(refused.error == .unsupportedSASLMechanism && refused.mechanisms == ["PLAIN"])
        #expect(login.handshake(handshake()).error == .none && login.handshake(handshake()).error == .illegalSASLState)
        var open = Login(users: [])
        #expect(open.allows(.produce) && open.handshake(handshake()).error == .illegalSASLState)
    }

    @Test func aPatternIsANameOrTheBeginningOfSome() {
        for (pattern, topic, matches) in [
            ("*", "anything", true), ("okla.*", "okla.events.raw", true), ("okla.*", "okla.", true), ("okla.*", "okla", false),
            ("okla", "okla", true), ("okla", "okla.events", false), ("", "", true), ("", "okla", false),
        ] {
            #expect(TopicPattern(pattern).matches(topic) == matches, "\(pattern) \(topic)")
        }
    }
}

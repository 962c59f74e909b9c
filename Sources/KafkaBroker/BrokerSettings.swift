package import EventLog

/// How the listener serves.
package struct BrokerSettings: Sendable {
    package var host = "127.0.0.1"
    package var port = 9092
    /// What clients are told of; nil: the address at which they have come.
    package var advertised: BrokerAddress?
    /// Empty: nobody has to say who it is.
    package var users: [User] = []
    package var tls: TLSFiles?
    /// A client that names a topic which is not there makes it.
    package var makesTopics = true
    /// Of a topic for which nobody says how many.
    package var partitionCount = 1
    /// The service's own topics: nobody deletes them, and records of clients would pass by what checks events.
    package var ownTopics: Set<TopicName> = []
    /// Those of them to which clients may write all the same.
    package var writableOwnTopics: Set<TopicName> = []
    package var limits = BrokerLimits()

    package init() {}

    /// In PEM.
    package struct TLSFiles: Sendable, Equatable {
        package let certificateChain: String
        package let privateKey: String

        package init(certificateChain: String, privateKey: String) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
        }
    }
}

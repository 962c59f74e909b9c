internal import EventLog
internal import Synchronization

/// Tells when records have come to the segments: of a topic, for those who follow one, or of any. Who follows one topic sleeps while
/// others grow.
final class LogGrowth: Sendable {
    let ofAny = GrowthSignal()
    private let ofTopics = Mutex<[TopicName: GrowthSignal]>([:])

    /// Also for a topic that is not there yet.
    func of(_ topic: TopicName) -> GrowthSignal {
        ofTopics.withLock { topics in
            if let known = topics[topic] { return known }
            let made = GrowthSignal()
            topics[topic] = made
            return made
        }
    }

    /// Wakes whoever waits for a topic that is there no more. Those who wait for one of its name afterwards are to ask for its signal again.
    func forget(_ topic: TopicName) {
        ofTopics.withLock { $0.removeValue(forKey: topic) }?.raise()
        ofAny.raise()
    }
}

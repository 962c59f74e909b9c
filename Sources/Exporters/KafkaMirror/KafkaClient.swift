internal import CRdKafka
internal import EventLog
internal import Foundation

/// One of librdkafka's clients. It connects by itself, and again after anything went wrong, on threads of its own; what it has to tell comes when it
/// is asked (`serve`), on the caller's thread. For one task at a time.
final class KafkaClient {
    /// How long an answer may take that is waited for, in milliseconds. Nobody can interrupt it, so it is short; another attempt comes.
    static let answerMilliseconds: Int32 = 3_000

    /// What became of a message, by the number that it was given: the offset that it has (negative where the cluster did not say), or why it
    /// is not stored.
    typealias OnReport = (_ number: Int, _ result: Result<Int64, KafkaFailure>) -> Void

    /// To whom librdkafka talks.
    private final class Listener {
        var trouble: String?
        var onReport: OnReport = { _, _ in }

        static func at(_ address: UnsafeMutableRawPointer?) -> Listener? {
            address.map { Unmanaged<Listener>.fromOpaque($0).takeUnretainedValue() }
        }
    }

    let handle: OpaquePointer
    private let listener = Listener()

    /// - Parameters:
    ///   - kind: RD_KAFKA_PRODUCER or RD_KAFKA_CONSUMER.
    ///   - properties: those of this kind; what is configured overrules them.
    init(
        _ kind: rd_kafka_type_t, _ settings: KafkaClientSettings, _ properties: [(name: String, value: String)]
    ) throws {
        let configuration = try settings.configuration(properties)
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(listener).toOpaque())
        // It would write to standard error; what matters comes to the next one.
        rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
        rd_kafka_conf_set_error_cb(configuration) { _, error, reason, listener in
            // That all are down says less than what each of them said.
            guard error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue, let reason else { return }
            Listener.at(listener)?.trouble = String(cString: reason)
        }
        if kind == RD_KAFKA_PRODUCER {
            rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, listener in
                guard let message = message?.pointee else { return }
                Listener.at(listener)?.onReport(
                    Int(bitPattern: message._private),
                    message.err == RD_KAFKA_RESP_ERR_NO_ERROR ? .success(message.offset) : .failure(KafkaFailure(message.err)))
            }
        }
        var reason = [CChar](repeating: 0, count: 512)
        guard let made = rd_kafka_new(kind, configuration, &reason, reason.count) else {
            rd_kafka_conf_destroy(configuration)
            throw KafkaFailure("librdkafka does not start: \(kafkaText(reason))")
        }
        handle = made
    }

    /// Drops what is not delivered. Its threads may be asking for a name meanwhile, which nobody can interrupt, so nobody waits for them.
    deinit {
        let ending = Ending(handle: handle, listener: listener)
        Thread.detachNewThread {
            rd_kafka_purge(ending.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING)
            rd_kafka_destroy_flags(ending.handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
        }
    }

    /// What librdkafka needs until its end.
    private struct Ending: @unchecked Sendable {
        // Sendable: nobody else has them any more.
        let handle: OpaquePointer
        let listener: Listener
    }

    /// What ends a producer for good, and so all that it has not sent: it would wait for ever otherwise.
    func dropIfFatal() {
        guard rd_kafka_fatal_error(handle, nil, 0) != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        // Requests that are on their way get their answers still.
        rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING)
    }

    /// What went wrong with a connection last.
    var trouble: String? { listener.trouble }
    func forgetTrouble() { listener.trouble = nil }

    /// Called by `serve`.
    func onReport(_ body: @escaping OnReport) { listener.onReport = body }

    /// Takes what librdkafka has to tell; waits until there is something, or for so long.
    func serve(milliseconds: Int32) { rd_kafka_poll(handle, milliseconds) }

    // MARK: The cluster

    /// Names it; empty where it has no name.
    func clusterID() -> String {
        guard let name = rd_kafka_clusterid(handle, Self.answerMilliseconds) else { return "" }
        defer { rd_kafka_mem_free(handle, name) }
        return String(cString: name)
    }

    /// nil: there is no such topic. Asking does not make it.
    func partitionCount(of topic: TopicName) throws(KafkaFailure) -> Int? {
        var found: UnsafePointer<rd_kafka_metadata>?
        let error = rd_kafka_metadata(handle, 1, nil, &found, Self.answerMilliseconds)
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR, let found else { throw failure(error, "does not answer") }
        defer { rd_kafka_metadata_destroy(found) }
        for place in 0..<Int(found.pointee.topic_cnt) {
            let one = found.pointee.topics[place]
            guard String(cString: one.topic) == topic.text else { continue }
            if one.err == RD_KAFKA_RESP_ERR_NO_ERROR { return Int(one.partition_cnt) }
            throw failure(one.err, "does not tell of the topic \(topic)")
        }
        return nil
    }

    /// Of each of the first partitions of a topic: the first offset that is there, up to the one behind the last.
    ///
    /// By time, which has the library keep to the time it is given; asked for the bounds by their own call, it waits for an answer that will not come
    /// (before librdkafka 2.12).
    func bounds(of topic: TopicName, count: Int) throws(KafkaFailure) -> [Range<Int64>] {
        let (starts, ends) = (
            try offsets(of: topic, count, Int64(RD_KAFKA_OFFSET_BEGINNING)),
            try offsets(of: topic, count, Int64(RD_KAFKA_OFFSET_END))
        )
        // Between the two a start may have moved beyond the end that was.
        return zip(starts, ends).map { min($0, $1)..<$1 }
    }

    /// - Parameter time: milliseconds since 1970, or one of librdkafka's words for an end.
    private func offsets(of topic: TopicName, _ count: Int, _ time: Int64) throws(KafkaFailure) -> [Int64] {
        guard let list = rd_kafka_topic_partition_list_new(Int32(count)) else { throw KafkaFailure(rd_kafka_last_error()) }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for number in 0..<count { rd_kafka_topic_partition_list_add(list, topic.text, Int32(number)).pointee.offset = time }
        let error = rd_kafka_offsets_for_times(handle, list, Self.answerMilliseconds)
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else { throw failure(error, "does not tell what \(topic) holds") }
        var found: [Int64] = []
        for number in 0..<count {
            let partition = list.pointee.elems[number]
            guard partition.err == RD_KAFKA_RESP_ERR_NO_ERROR, partition.offset >= 0 else {
                throw failure(partition.err, "does not tell what partition \(number) of \(topic) holds")
            }
            found.append(partition.offset)
        }
        return found
    }

    private func failure(_ error: rd_kafka_resp_err_t, _ what: String) -> KafkaFailure {
        // Errors of connections are told to the listener, and only when it is served.
        serve(milliseconds: 0)
        return KafkaFailure("the Kafka cluster \(what): \(trouble ?? String(cString: rd_kafka_err2str(error)))", error)
    }
}

/// Why a cluster did not take something. It is offered again, later.
struct KafkaFailure: Error, CustomStringConvertible {
    let description: String
    private let code: rd_kafka_resp_err_t

    init(_ description: String, _ code: rd_kafka_resp_err_t = RD_KAFKA_RESP_ERR__FAIL) {
        self.description = description
        self.code = code
    }

    init(_ code: rd_kafka_resp_err_t) {
        self.init("\(String(cString: rd_kafka_err2str(code))) (\(String(cString: rd_kafka_err2name(code))))", code)
    }

    /// The record will never be taken, or the batch that it was in.
    var isOfRecord: Bool {
        [
            RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, RD_KAFKA_RESP_ERR_INVALID_RECORD,
            RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
        ].contains(code)
    }

    /// There is no room for more messages until some are delivered.
    var isOfFullQueue: Bool { code == RD_KAFKA_RESP_ERR__QUEUE_FULL }
}

/// What librdkafka has written into a buffer.
func kafkaText(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

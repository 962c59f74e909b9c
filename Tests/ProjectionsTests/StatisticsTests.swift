import EventLog
import EventModel
import Foundation
import Projections
import TestSupport
import Testing

@Suite struct StatisticsTests {
    private static let minute: Int64 = 60_000
    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 24 * hour

    private static func time(_ text: String) -> Int64 { Array(text.utf8).withUnsafeBytes(Timestamp.milliseconds)! }

    /// - Parameter properties: JSON.
    private static func event(
        _ name: String, user: String = "u", _ properties: String = "{}", said: String? = nil, at time: Int64
    ) -> MemoryLog.Record {
        let said = said.map { ",\"timestamp\":\"\($0)\"" } ?? ""
        return .init(
            key: user, timestamp: time, value: "{\"event\":\"\(name)\",\"properties\":\(properties)\(said)}", event: name)
    }

    private static func vehicle(_ id: String) -> String { "{\"vehicleId\":\"\(id)\"}" }

    private func query(_ times: Range<Int64>, _ interval: StatisticsQuery.Interval = .hour) -> StatisticsQuery {
        StatisticsQuery(times: times, interval: interval)
    }

    private func counts(_ named: [StatisticsReport.Named]) -> [String: Int64] {
        Dictionary(uniqueKeysWithValues: named.map { ($0.name, $0.count) })
    }

    @Test func eventsCountWhereTheyHappenedButNotBehindTheirReceipt() async throws {
        let harness = StatisticsHarness()
        let now = Self.time("2026-06-10T12:30:00Z")
        harness.log.append([
            Self.event("a", at: now), Self.event("a", said: "2026-06-10T10:00:00Z", at: now),
            Self.event("b", said: "2026-06-10T10:59:59.999+00:00", at: now),
            // The client's clock is wrong; the server has not seen such a time.
            Self.event("b", said: "2026-06-10T23:00:00Z", at: now),
            Self.event("b", said: "no time", at: now), Self.event("b", said: "1960-01-01T00:00:00Z", at: now),
        ])
        var asked = query(Self.time("2026-06-10T10:20:00Z")..<now + 1)
        let hours = try await harness.ask(asked, now: now).report
        #expect(hours.times.lowerBound == Self.time("2026-06-10T10:00:00Z"))
        #expect(hours.series.map(\.start) == [Self.time("2026-06-10T10:00:00Z"), Self.time("2026-06-10T12:00:00Z")])
        #expect(hours.series.map { counts($0.events.names) } == [["a": 1, "b": 1], ["a": 1, "b": 2]])
        #expect(hours.events.total == 5)
        #expect(hours.events.names.map(\.name) == ["b", "a"])

        asked.interval = .minute
        let minutes = try await harness.ask(asked, now: now).report
        #expect(minutes.series.map(\.start) == [Self.time("2026-06-10T10:59:00Z"), now])

        asked.event = ExactText("a")
        let one = try await harness.ask(asked, now: now).report
        #expect(counts(one.events.names) == ["a": 1])

        asked = query(0..<now, .day)
        asked.eventNames = 1
        let days = try await harness.ask(asked, now: now).report
        #expect(days.series.map(\.events.total) == [1, 5])
        #expect(days.series.map { counts($0.events.names) } == [["b": 1], ["b": 3]])
    }

    @Test(arguments: [
        // A day of 25 hours, a day of 23, one without a midnight of its own, and one that has no change.
        ("Europe/Berlin", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        ("Europe/Berlin", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("America/Santiago", "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"),
        ("America/Santo_Domingo", "2026-06-10T04:00:00Z", "2026-06-11T04:00:00Z"),
        ("Asia/Kathmandu", "2026-06-10T00:00:00+05:45", "2026-06-11T00:00:00+05:45"),
    ])
    func aDayIsTheTimeZones(_ zone: String, _ start: String, _ end: String) async throws {
        let harness = StatisticsHarness(zone: zone)
        let (start, end) = (Self.time(start), Self.time(end))
        for time in [start - 1, start, end - 1, end] {
            harness.log.append([Self.event("vehicle_view", Self.vehicle("v"), at: time)])
        }
        let report = try await harness.ask(query(start..<end, .day), now: end - 1).report
        #expect(report.day.views == 2)
        #expect(report.series == report.series.filter { $0.start == start })
        #expect(report.events.total == 2)
        var yesterday = query(start..<end)
        yesterday.day = try await harness.ask(yesterday, now: start - 1).report.day.day
        #expect(yesterday.day! < report.day.day)
        #expect(try await harness.ask(yesterday, now: end).report.day.views == 1)
    }

    @Test func theFiguresOfADayAreByReceipt() async throws {
        let harness = StatisticsHarness()
        let noon = Self.time("2026-06-10T16:00:00Z")
        var records: [MemoryLog.Record] = []
        for number in 0..<6 { records.append(Self.event("vehicle_view", user: "u\(number % 2)", Self.vehicle("v1"), at: noon)) }
        for number in 0..<300 { records.append(Self.event("vehicle_view", user: "u\(number)", Self.vehicle("v2"), at: noon)) }
        // Sent for yesterday, received today.
        records.append(Self.event("vehicle_view", Self.vehicle("v3"), said: "2026-06-09T12:00:00Z", at: noon))
        records += [
            Self.event("search", "{\"query\":\"\",\"filters\":{\"brand\":\"x\",\"year\":2020}}", at: noon),
            Self.event("search", "{\"filters\":{\"brand\":[]}}", at: noon), Self.event("search", at: noon),
            Self.event("lead_form_submit", "{\"vehicleId\":\"v1\",\"dealerId\":\"d\"}", at: noon),
            Self.event("lead_form_submit", Self.vehicle("v2"), at: noon),
            Self.event("lead_form_submit", "{\"vehicleId\":7}", at: noon),
            // These two say nothing of a vehicle.
            Self.event("vehicle_view", "{\"vehicleId\":7}", at: noon), Self.event("vehicle_view", "[]", at: noon),
        ]
        harness.log.append(records)
        var asked = query(0..<noon + 1)
        asked.top = 2
        asked.vehicle = "v3"
        let day = try await harness.ask(asked, now: noon).report.day
        #expect(day.day == 20_260_610)
        #expect(day.views == 307)
        #expect(day.topVehicles.map(\.id) == ["v2", "v1"])
        #expect(day.topVehicles.map(\.views) == [300, 6])
        #expect(day.topVehicles.map(\.leads) == [1, 1])
        #expect(day.topVehicles[1].users == day.topVehicles.last?.users)
        #expect(day.topVehicles[1].users.count == 2 && day.topVehicles[1].users.standardError == 0)
        #expect((280...320).contains(day.topVehicles[0].users.count) && day.topVehicles[0].users.standardError > 0.016)
        #expect(day.vehicle?.views == 1 && day.vehicle?.users.count == 1 && day.vehicle?.leads == 0)
        #expect(day.searches == 3)
        #expect(counts(day.filters) == ["brand": 2, "year": 1])
        #expect(day.leads == 3)
        #expect(counts(day.leadsByVehicle) == ["v1": 1, "v2": 1])
        #expect(counts(day.leadsByDealer) == ["d": 1])
    }

    @Test func whoeverCameInFiveMinutesIsActive() async throws {
        let harness = StatisticsHarness()
        let now = Self.time("2026-06-10T16:00:00Z")
        for (user, seconds) in [("a", 0), ("a", 200), ("b", 289), ("c", 311), ("d", 3000)] {
            harness.log.append([Self.event("x", user: user, at: now - Int64(seconds) * 1000)])
        }
        #expect(try await harness.ask(query(0..<now), now: now).report.activeUsers.count == 2)
        #expect(try await harness.ask(query(0..<now), now: now + 2 * Self.minute).report.activeUsers.count == 1)
        #expect(try await harness.ask(query(0..<now), now: now + Self.hour).report.activeUsers.count == 0)
    }

    @Test func namesThatOnlyUnicodeTakesForTheSameStayApart() async throws {
        let harness = StatisticsHarness()
        let ids = ["\u{E9}", "e\u{301}", "a\\u0000b", "a"]
        for id in ids { harness.log.append([Self.event("vehicle_view", Self.vehicle(id), at: Self.day)]) }
        let day = try await harness.ask(query(0..<Self.day), now: Self.day).report.day
        #expect(Set(day.topVehicles.map { Array($0.id.utf8) }).count == ids.count)
        #expect(day.topVehicles.allSatisfy { $0.views == 1 && $0.users.count == 1 })
    }

    /// Clients choose the names, so what they take of the disk has bounds; what is counted has none.
    @Test func beyondSoManyNamesTheOthersCountWithoutThem() async throws {
        let harness = StatisticsHarness()
        let now = Self.time("2026-06-10T16:00:00Z")
        let events = (0..<1500).map { Self.event("e\($0)", at: now) }
        harness.log.append(Array(events[..<900]))
        var asked = query(now..<now + 1, .minute)
        asked.eventNames = 5000
        #expect(try await harness.ask(asked, now: now).report.events.names.count == 900)
        harness.log.append(Array(events[900...]) + events[..<2])
        harness.log.append([Self.event(String(repeating: "x", count: 513), at: now)])
        let report = try await harness.ask(asked, now: now, readingAtOnce: 2000).report
        #expect(report.events.total == 1503)
        #expect(report.events.names.count == 1000)
        #expect(report.series.map(\.events.names.count) == [1000])
        // A name that is known goes on.
        #expect(report.events.names.prefix(2).map(\.count) == [2, 2])
        #expect(report.events.names.reduce(0) { $0 + $1.count } == 1002)
        // Each time has its own.
        harness.log.append([Self.event("late", at: now + Self.minute)])
        let later = try await harness.ask(query(now + Self.minute..<now + 2 * Self.minute, .minute), now: now + Self.minute)
        #expect(counts(later.report.events.names) == ["late": 1])
    }

    @Test func beyondSoManyVehiclesTheOthersAreViewsAlone() async throws {
        let harness = StatisticsHarness(partitionCount: 1)
        let now = Self.time("2026-06-10T16:00:00Z")
        let (told, others) = (100_000, 500)
        for start in stride(from: 0, to: told + others, by: 1000) {
            let ids = start..<min(start + 1000, told + others)
            harness.log.append(ids.map { Self.event("vehicle_view", Self.vehicle("v\($0)"), at: now) })
        }
        harness.log.append([
            Self.event("vehicle_view", Self.vehicle(String(repeating: "x", count: 513)), at: now),
            Self.event("search", "{\"filters\":{\"\(String(repeating: "f", count: 513))\":1,\"brand\":1}}", at: now),
        ])
        var asked = query(now..<now + 1, .minute)
        asked.vehicle = "v0"
        let day = try await harness.ask(asked, now: now).report.day
        #expect(day.views == Int64(told + others + 1))
        #expect(day.vehicle?.views == 1 && day.vehicle?.users.count == 1)
        #expect(day.topVehicles.allSatisfy { !$0.id.isEmpty })
        #expect(counts(day.filters) == ["brand": 1])
        asked.vehicle = ""
        let rest = try await harness.ask(asked, now: now).report.day.vehicle
        #expect(rest?.views == Int64(others + 1) && rest?.users.count == 0)
        let content = try harness.content()
        #expect(content.count { $0.hasPrefix("uniques") } == told)
    }

    @Test func whatIsOldGoesAndTheRestStays() async throws {
        let harness = StatisticsHarness()
        let then = Self.time("2026-06-10T16:00:00Z")
        harness.log.append([Self.event("vehicle_view", Self.vehicle("v"), at: then)])
        func left(after days: Int64, _ interval: StatisticsQuery.Interval) async throws -> Int64 {
            var asked = query(then - Self.day..<then + Self.day, interval)
            asked.day = 20_260_610
            let report = try await harness.ask(asked, now: then + days * Self.day).report
            #expect(report.day.views == (days > 401 ? 0 : 1))
            #expect(report.day.topVehicles.count == (days > 401 ? 0 : 1))
            return report.events.total
        }
        #expect(try await left(after: 34, .minute) == 1)
        #expect(try await left(after: 36, .minute) == 0)
        #expect(try await left(after: 399, .hour) == 1)
        #expect(try await left(after: 402, .hour) == 0)
        #expect(try await left(after: 402, .day) == 1)
    }

    @Test func aRecordThatIsNoJSONIsSetAside() async throws {
        let harness = StatisticsHarness(partitionCount: 1)
        harness.log.append([
            Self.event("x", at: 1), .init(key: "u", timestamp: 2, value: "{\"event\":", event: "x"), Self.event("x", at: 3),
        ])
        let outcome = try await harness.ask(query(0..<Self.day), now: Self.hour)
        #expect(outcome.setAside == 1)
        #expect(outcome.report.events.total == 2)
    }

    /// Whatever pieces it was read in, and however often it was stopped, the files hold the same as ones that are made at once.
    @Test(arguments: [UInt64(1), 2, 3])
    func theContentIsTheLogsAlone(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let harness = StatisticsHarness(partitionCount: 4)
        let names = ["vehicle_view", "search", "lead_form_submit", "page_view"]
        var time = Self.time("2026-06-10T00:00:00Z")
        var expected: [String: Int64] = [:]
        for _ in 0..<20 {
            var records: [MemoryLog.Record] = []
            for _ in 0..<200 {
                time += Int64.random(in: 0..<60_000, using: &random)
                let name = names.randomElement(using: &random)!
                expected[name, default: 0] += 1
                records.append(
                    Self.event(
                        name, user: "u\(Int.random(in: 0..<2000, using: &random))",
                        "{\"vehicleId\":\"v\(Int.random(in: 0..<3, using: &random))\",\"filters\":{\"f\":1}}",
                        said: Timestamp.text(time - Int64.random(in: 0..<4 * Self.hour, using: &random)), at: time))
            }
            harness.log.append(records)
            _ = try await harness.ask(
                query(0..<time), now: time, readingAtOnce: Int.random(in: 1..<20_000, using: &random))
        }
        let asked = query(0..<time + 1, .day)
        let first = try await harness.ask(asked, now: time).report
        #expect(counts(first.events.names) == expected)
        let content = try harness.content()
        #expect(content.contains { $0.hasPrefix("uniques") })
        try harness.removeFiles()
        #expect(try await harness.ask(asked, now: time).report.series == first.series)
        // What was active longer ago than that is kept is removed now and then, by the clock.
        func lasting(_ rows: [String]) -> [String] { rows.filter { !$0.hasPrefix("active") } }
        #expect(try lasting(harness.content()) == lasting(content))
    }
}

import Consumption
import EventLog
import EventModel
import Foundation
import Projections
import TestSupport
import Testing

@Suite struct UserHistoryTests {
    private func times(_ events: [UserHistoryPage.Event]) -> [Int64] { events.map(\.time) }

    @Test func itIsNewestFirstOverManyRunsAndWhatIsInMemory() async throws {
        let harness = HistoryHarness()
        for time in 0..<200 as Range<Int64> {
            harness.log.append([.event(user: time % 3 == 0 ? "u" : "other \(time)", time: time)])
        }
        try await harness.open { open in
            try await open.shows("u", Array(0..<200).filter { $0 % 3 == 0 }.reversed())
            #expect(open.index.committed.contains { $0 > 0 } && open.runners[0].status.lag == 0)
            try await open.shows("nobody", [])
        }
    }

    @Test func aSharedComputerIsTheFirstOnesUntilTheSecondOneComes() async throws {
        let harness = HistoryHarness()
        harness.log.append([
            .event(anonymous: "a", time: 1), .event("identify", user: "first", anonymous: "a", time: 2),
            .event(anonymous: "a", time: 3),
            .event("identify", user: "second", anonymous: "a", time: 5), .event(anonymous: "a", time: 5),
            .event(anonymous: "a", time: 6),
            .event("identify", user: "first", anonymous: "a", time: 8), .event(anonymous: "a", time: 9),
        ])
        try await harness.open { open in
            try await open.shows("first", [9, 8, 5, 3, 2, 1])
            try await open.shows("second", [6, 5])
            // They all belong to somebody.
            try await open.shows("a", [])
        }
    }

    @Test func anEventThatNamesItsUserIsThatUsers() async throws {
        let harness = HistoryHarness()
        harness.log.append([
            .event("identify", user: "first", anonymous: "a", time: 1), .event(user: "third", anonymous: "a", time: 2),
            .event(user: "a", time: 3),
        ])
        try await harness.open { open in
            try await open.shows("first", [1])
            try await open.shows("third", [2])
            try await open.shows("a", [3])
        }
    }

    @Test func anAliasTakesWhatItsIdDidAndNoFurther() async throws {
        let harness = HistoryHarness()
        harness.log.append([
            .event(user: "old", time: 1), .event(anonymous: "old", time: 2),
            .event("identify", user: "old", anonymous: "x", time: 3),
            .event(anonymous: "x", time: 4), .event("alias", user: "new", previous: "old", time: 5), .event(user: "old", time: 6),
        ])
        try await harness.open { open in
            try await open.shows("new", [6, 5, 3, 2, 1])
            try await open.shows("old", [6, 4, 3, 1])
        }
    }

    @Test func aCircleOfAliasesIsRefused() async throws {
        let harness = HistoryHarness()
        harness.log.append([
            .event(user: "a", time: 1), .event(user: "b", time: 2), .event(user: "c", time: 3),
            .event("alias", user: "b", previous: "a", time: 4), .event("alias", user: "c", previous: "b", time: 5),
            .event("alias", user: "a", previous: "c", time: 6), .event("alias", user: "a", previous: "a", time: 7),
        ])
        try await harness.open { open in
            try await open.shows("a", [7, 6, 1])
            try await open.shows("b", [7, 6, 4, 2, 1])
            try await open.shows("c", [5, 4, 3, 2])
        }
    }

    @Test func timesAndNamesNarrowIt() async throws {
        let harness = HistoryHarness()
        for time in 0..<60 as Range<Int64> {
            harness.log.append([.event(time % 10 == 0 ? "rare" : "usual", user: "u", time: time)])
        }
        try await harness.open { open in
            try await open.shows("u", [50, 40, 30, 20, 10, 0]) { $0.event = ExactText("rare") }
            try await open.shows("u", [13, 12, 11, 10]) {
                $0.from = 10
                $0.to = 14
            }
            try await open.shows("u", [30, 20]) {
                $0.from = 15
                $0.to = 35
                $0.event = ExactText("rare")
            }
            try await open.shows("u", []) { $0.event = ExactText("never") }
        }
    }

    @Test func idsAreComparedCodePointByCodePoint() async throws {
        let harness = HistoryHarness()
        harness.log.append([.event(user: "\u{E9}", time: 1), .event(user: "e\u{301}", time: 2), .event(user: "a\u{0}b", time: 3)])
        harness.log.append([
            .event("identify", user: "\u{E9}", anonymous: "x\u{0}y", time: 4), .event(anonymous: "x\u{0}y", time: 5),
            .event(anonymous: "x", time: 6),
        ])
        try await harness.open { open in
            try await open.shows("\u{E9}", [5, 4, 1])
            try await open.shows("e\u{301}", [2])
            try await open.shows("a\u{0}b", [3])
            try await open.shows("x", [6])
        }
    }

    @Test func pagesAreOfTheMomentOfTheFirst() async throws {
        let harness = HistoryHarness()
        for time in 0..<20 as Range<Int64> { harness.log.append([.event(user: "u", time: time)]) }
        for time in 0..<4 as Range<Int64> { harness.log.append([.event(anonymous: "a", time: time)]) }
        try await harness.open { open in
            var query = UserHistoryQuery(user: "u")
            query.limit = 5
            let cut = LogCut(ends: try open.runners[0].ends())
            let first = try await open.history.page(query, cut: cut)
            #expect(times(first.events) == [19, 18, 17, 16, 15])
            // Later in the log, but not by its clock.
            harness.log.append([.event(anonymous: "a", time: 14), .event("identify", user: "u", anonymous: "a", time: 19)])
            for runner in open.runners { #expect(await runner.reachEnd(atMost: patience)) }
            query.cursor = first.nextCursor
            query.limit = 100
            let second = try await open.history.page(query, cut: LogCut(ends: open.runners[0].ends()))
            #expect(times(second.events) == Array(0..<15).reversed())
            query.cursor = nil
            let now = LogCut(ends: try open.runners[0].ends())
            let anew = try await open.history.page(query, cut: now)
            #expect(times(anew.events).count == 26)
            let known = try await open.aliases.owners(of: ExactText("a"), cut: now).map(\.user)
            #expect(known == [ExactText("u")])
            let before = try await open.aliases.owners(of: ExactText("a"), cut: cut)
            #expect(before.isEmpty)
        }
    }

    @Test func whatTheLogLostIsLeftOut() async throws {
        let harness = HistoryHarness(partitionCount: 1)
        for time in 0..<100 as Range<Int64> { harness.log.append([.event(user: "u", time: time)]) }
        harness.log.lose(5, of: 0)
        harness.log.append([.event(user: "u", time: 200)])
        try await harness.open { open in try await open.shows("u", [200] + Array(0..<100).reversed()) }
        harness.log.retain(from: 70, of: 0)
        try await harness.open { open in
            try await open.shows("u", [200] + Array(70..<100).reversed())
        }
    }
}

import EventLog
import Ingestion
import TestSupport
import Testing

@Suite struct IdentityTableTests {
    private func identity(_ number: UInt64) -> RecordIdentity {
        // Spread as a hash spreads, with slots that collide often, and so do what they say of their identities.
        var random = SeededGenerator(seed: number)
        return RecordIdentity(high: random.next(), low: UInt32(truncatingIfNeeded: random.next()) & 0xC000_007F)
    }

    @Test(arguments: 1...20)
    func theTableBehavesAsADictionaryWithAWindow(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let entriesMax = 1_000_000
        var table = IdentityTable(entriesMax: entriesMax)
        var model: [UInt64: (IdentityTable.Standing, UInt32)] = [:]
        var now: UInt32 = 1000
        for step in 0..<20_000 {
            if random.next() % 50 == 0 { now += 1 }
            let cutoff = now - 200
            let number = random.next() % 3000
            let known = model[number].flatMap { $0.1 < cutoff ? nil : $0.0 }
            #expect(table.find(identity(number), cutoff: cutoff) == known, "step \(step)")
            switch (random.next() % 4, known) {
            case (0, .some):
                table.remove(identity(number))
                model[number] = nil
            case (1, .some):
                table.update(identity(number), .undecided)
                model[number]!.0 = .undecided
            case (_, nil):
                let standing = IdentityTable.Standing.stored(partition: Int(number % 12), offset: Int64(step))
                table.insert(identity(number), standing, seconds: now, cutoff: cutoff)
                model[number] = (standing, now)
            default: break
            }
        }
        for number in 0..<3000 as Range<UInt64> {
            let known = model[number].flatMap { $0.1 < now - 200 ? nil : $0.0 }
            #expect(table.find(identity(number), cutoff: now - 200) == known)
        }
    }

    @Test func theOldestLeaveWhenThereAreTooMany() {
        var table = IdentityTable(entriesMax: 10_000)
        for number in 0..<50_000 as Range<UInt64> {
            table.insert(identity(number), .stored(partition: 0, offset: Int64(number)), seconds: UInt32(number / 100), cutoff: 0)
        }
        #expect(table.count <= 10_001)
        #expect(table.find(identity(39_000), cutoff: 0) == nil)
        for number in 40_000..<50_000 as Range<UInt64> {
            #expect(table.find(identity(number), cutoff: 0) == .stored(partition: 0, offset: Int64(number)))
        }
        #expect(table.reachSeconds(now: 500) == 500 - 399 || table.reachSeconds(now: 500) == 500 - 400)
    }

    @Test func idsThatComeAndGoTakeNoMemory() {
        var table = IdentityTable(entriesMax: 100)
        table.insert(identity(0), .stored(partition: 0, offset: 0), seconds: 5, cutoff: 0)
        for number in 1..<200_000 as Range<UInt64> {
            table.insert(identity(number), .pending(request: 1, event: 1), seconds: 5, cutoff: 0)
            table.remove(identity(number))
        }
        #expect(table.count == 1)
        #expect(table.span == 1)
    }

    @Test func oneThatIsBeingWrittenStaysHoweverOldItIs() {
        var table = IdentityTable(entriesMax: 100)
        table.insert(identity(0), .pending(request: 7, event: 3), seconds: 1, cutoff: 0)
        for number in 1..<1000 as Range<UInt64> {
            table.insert(identity(number), .stored(partition: 1, offset: 1), seconds: 2, cutoff: 0)
        }
        #expect(table.find(identity(0), cutoff: 0) == .pending(request: 7, event: 3))
    }
}

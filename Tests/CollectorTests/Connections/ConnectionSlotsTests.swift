import Collector
import Testing

@Suite struct ConnectionSlotsTests {
    static let limits: ConnectionLimits = {
        var limits = ConnectionLimits(bodyBytesMax: 1)
        limits.connectionsMax = 20
        limits.connectionsMin = 3
        return limits
    }()

    @Test func noMoreThanTheMaximumAreOpenAtOnce() {
        var slots = ConnectionSlots(limits: Self.limits) { _ in .max }
        for _ in 0..<20 {
            #expect(slots.isAcceptingNewConnections())
            slots.connectionOpened()
        }
        #expect(!slots.isAcceptingNewConnections())
        slots.connectionClosed()
        #expect(slots.isAcceptingNewConnections())
    }

    @Test func withoutSpareDescriptorsOnlyAFewAre() {
        var slots = ConnectionSlots(limits: Self.limits) { _ in 0 }
        for _ in 0..<3 {
            #expect(slots.isAcceptingNewConnections())
            slots.connectionOpened()
        }
        #expect(!slots.isAcceptingNewConnections())
    }

    @Test func thereAreNoMoreThanThereAreDescriptorsFor() {
        var slots = ConnectionSlots(limits: Self.limits) { open in
            #expect(open >= 3, "the first few need no count")
            return 7
        }
        for _ in 0..<7 {
            #expect(slots.isAcceptingNewConnections())
            slots.connectionOpened()
        }
        #expect(!slots.isAcceptingNewConnections())
    }
}

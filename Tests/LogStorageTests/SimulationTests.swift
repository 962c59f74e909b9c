import TestSupport
import Testing

/// That the simulation can fail: one that finds nothing whatever the log does would pass as well.
@Suite struct SimulationTests {
    @Test func aDiskThatForgetsWhatItCalledSyncedIsSeenToLoseAcknowledgedRecords() throws {
        let seed = try #require(
            (1...200 as ClosedRange<UInt64>).first { seed in
                failure(seed, syncsReachDisk: false)?.contains("was acknowledged as") == true
            })
        #expect(failure(seed, syncsReachDisk: true) == nil, "nothing but the syncs was wrong")
    }

    private func failure(_ seed: UInt64, syncsReachDisk: Bool) -> String? {
        var simulation = LogSimulation(seed: seed, syncsReachDisk: syncsReachDisk)
        do {
            _ = try simulation.run()
            return nil
        } catch {
            return "\(error)"
        }
    }
}

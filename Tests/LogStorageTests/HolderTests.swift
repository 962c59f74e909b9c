import LogStorage
import Testing

/// What a service writes into `.lock` for others to read.
@Suite struct HolderTests {
    @Test func whatFitsIsThereWhole() {
        let lines = ["t-0 poisoned: a", "t-1 read-only: b"]
        let holder = LogDirectory.Holder(LogDirectory.Holder.contents(processID: 7, troubles: lines, byteCountMax: 36))
        #expect(holder.processID == "7" && holder.troubles == lines && !holder.isIncomplete)
    }

    @Test func whatDoesNotFitIsSaidToBeMore() {
        let lines = (0..<30).map { "t-\($0) poisoned: the reason" }
        for byteCount in 20...700 {
            let contents = LogDirectory.Holder.contents(processID: 7, troubles: lines, byteCountMax: byteCount)
            #expect(contents.utf8.count <= byteCount)
            let holder = LogDirectory.Holder(contents)
            #expect(holder.troubles == Array(lines.prefix(holder.troubles.count)))
            #expect(holder.isIncomplete == (holder.troubles.count < 30))
        }
    }

    @Test func whereNothingIsSaidNothingIsKnown() {
        #expect(LogDirectory.Holder("").isIncomplete)
    }
}

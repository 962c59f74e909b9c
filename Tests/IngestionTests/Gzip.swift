import Foundation

/// Compresses with the system's gzip: another implementation than the one under test.
func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    do { try process.run() } catch { return nil }
    let writer = Thread { [handle = input.fileHandleForWriting] in
        handle.write(Data(bytes))
        try? handle.close()
    }
    writer.start()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Array(data)
}

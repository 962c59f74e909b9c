import ArgumentParser
internal import Foundation

/// Ends a command with a message on standard error and exit code 1.
struct Failure {
    static func report(_ message: String) -> ExitCode {
        standardError("okla-events: \(message)\n")
        return .failure
    }
}

func standardError(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

func standardOutput(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

import Foundation

/// A real program that a test starts and stops by its process id, with everything it says in a file.
final class ChildProcess {
    let process = Process()
    let log: URL
    /// How long it may take to stop by itself. Tools inherit a blocked SIGTERM from the test's threads: they get none.
    private let patience: Double

    init(_ program: String, _ arguments: [String], in directory: URL, name: String, patience: Double = 0) throws {
        self.patience = patience
        log = directory.appendingPathComponent("\(name).log")
        FileManager.default.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        process.executableURL =
            program.contains("/") ? URL(fileURLWithPath: program) : URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = (program.contains("/") ? [] : [program]) + arguments
        process.currentDirectoryURL = directory
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit { stop() }

    var text: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// Waits until the log has a line that holds all `words`, and returns it.
    func line(with words: String..., within seconds: Double = 20) throws -> String {
        try eventually("\(words) in \(log.lastPathComponent): \(text)", within: seconds) {
            text.split(separator: "\n").map(String.init).first { line in words.allSatisfy { line.contains($0) } }
        }
    }

    /// SIGTERM, then SIGKILL. Returns the exit status.
    @discardableResult
    func stop() -> Int32 {
        guard process.isRunning else { return process.terminationStatus }
        process.terminate()
        let deadline = Date().addingTimeInterval(patience)
        while process.isRunning && Date() < deadline { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        return process.terminationStatus
    }
}

struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Asks again until `probe` has an answer: for what other processes do, which nobody announces.
func eventually<Value>(
    _ what: @autoclosure () -> String, within seconds: Double = 20, _ probe: () throws -> Value?
) throws -> Value {
    let deadline = Date().addingTimeInterval(seconds)
    while true {
        if let value = try probe() { return value }
        guard Date() < deadline else { throw TimedOut(description: "not within \(seconds) s: \(what())") }
        usleep(50_000)
    }
}

/// Runs a program to its end and returns what it printed.
func run(_ program: String, _ arguments: [String], in directory: URL? = nil) throws -> (
    status: Int32, output: Data, errors: String
) {
    let process = Process()
    process.executableURL =
        program.contains("/") ? URL(fileURLWithPath: program) : URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = (program.contains("/") ? [] : [program]) + arguments
    let errors = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    FileManager.default.createFile(atPath: errors.path, contents: nil)
    defer { try? FileManager.default.removeItem(at: errors) }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = try FileHandle(forWritingTo: errors)
    process.standardInput = FileHandle.nullDevice
    if let directory { process.currentDirectoryURL = directory }
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, output, (try? String(contentsOf: errors, encoding: .utf8)) ?? "")
}

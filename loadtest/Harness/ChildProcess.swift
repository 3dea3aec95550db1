import Foundation

/// A real program that a test starts and stops by its process id, with everything it says in a file.
package final class ChildProcess {
    package let process = Process()
    package let log: URL
    /// The program's standard input, where it was asked for.
    package let input: Pipe?
    /// How long it may take to stop by itself. Tools inherit a blocked SIGTERM from a test's threads: they get none.
    private let patience: Double

    /// Starts `program`, looked for on PATH when it names no folder. `patience` is in seconds.
    package init(
        _ program: String, _ arguments: [String], in directory: URL, name: String, patience: Double = 0,
        takesInput: Bool = false
    ) throws {
        self.patience = patience
        log = directory.appendingPathComponent("\(name).log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        process.executableURL =
            program.contains("/") ? URL(fileURLWithPath: program) : URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = (program.contains("/") ? [] : [program]) + arguments
        process.currentDirectoryURL = directory
        process.standardOutput = output
        process.standardError = output
        input = takesInput ? Pipe() : nil
        if let input { process.standardInput = input } else { process.standardInput = FileHandle.nullDevice }
        try process.run()
    }

    deinit { stop() }

    /// Everything said so far.
    package var text: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// Waits until the log has a line that holds all `words`, and returns it.
    package func line(with words: String..., within seconds: Double = 20) throws -> String {
        try eventually("\(words) in \(log.lastPathComponent): \(text)", within: seconds) {
            text.split(separator: "\n").map(String.init).first { line in words.allSatisfy { line.contains($0) } }
        }
    }

    /// SIGTERM, then SIGKILL. Returns the exit status.
    @discardableResult
    package func stop() -> Int32 {
        guard process.isRunning else { return process.terminationStatus }
        process.terminate()
        let deadline = Date().addingTimeInterval(patience)
        while process.isRunning && Date() < deadline { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Freezes the program, as a machine that hangs would, and lets it go on.
    package func setPaused(_ isPaused: Bool) { kill(process.processIdentifier, isPaused ? SIGSTOP : SIGCONT) }

    /// Seconds of processor time that it has used, all threads (`/proc/PID/stat`, fields 14 and 15).
    package var cpuSeconds: Double? {
        let path = "/proc/\(process.processIdentifier)/stat"
        guard let stat = try? String(contentsOfFile: path, encoding: .utf8),
            let rest = stat.split(separator: ")").last
        else { return nil }
        let fields = rest.split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// What a program or a probe did not do in its time, or did wrong.
package struct TimedOut: Error, CustomStringConvertible {
    package let description: String
    package init(description: String) { self.description = description }
}

/// Asks again until `probe` has an answer: for what other processes do, which nobody announces.
package func eventually<Value>(
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
package func run(_ program: String, _ arguments: [String], in directory: URL? = nil) throws -> (
    status: Int32, output: Data, errors: String
) {
    let process = Process()
    process.executableURL =
        program.contains("/") ? URL(fileURLWithPath: program) : URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = (program.contains("/") ? [] : [program]) + arguments
    let errors = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
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

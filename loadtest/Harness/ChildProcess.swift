import Foundation

/// A real program that a test starts and stops by its process id, with everything it says in a file.
package final class ChildProcess: Sendable {
    private let program: SpawnedProgram
    package let log: URL
    /// The program's standard input, where it was asked for.
    package let input: FileHandle?
    /// How long it may take to stop by itself, in seconds.
    private let patience: Double

    /// Starts `program`, looked for on PATH when it names no folder. `patience` is in seconds. With `hasOwnGroup` a
    /// Ctrl-C at the terminal does not reach it.
    package init(
        _ program: String, _ arguments: [String], in directory: URL, name: String, patience: Double = 5,
        takesInput: Bool = false, hasOwnGroup: Bool = false
    ) throws {
        self.patience = patience
        log = directory.appendingPathComponent("\(name).log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        let pipe = takesInput ? SpawnedProgram.pipe() : nil
        input = pipe?.fileHandleForWriting
        let source = pipe?.fileHandleForReading ?? .nullDevice
        self.program = try SpawnedProgram(
            program, arguments, in: directory.path, input: source.fileDescriptor, output: output.fileDescriptor,
            errors: output.fileDescriptor, hasOwnGroup: hasOwnGroup)
    }

    deinit { stop() }

    package var processIdentifier: Int32 { program.processIdentifier }
    package var isRunning: Bool { program.exitStatus == nil }

    /// Waits until it ends by itself. Returns the exit status, or 128 and the signal that ended it.
    @discardableResult
    package func waitForExit() -> Int32 { program.wait() }

    /// Everything said so far.
    package var text: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    package var lines: [String] { text.split(separator: "\n").map(String.init) }

    /// Waits until the log has a line that holds all `words`, and returns it.
    package func line(with words: String..., within seconds: Double = 20) throws -> String {
        try eventually("\(words) in \(log.lastPathComponent): \(text)", within: seconds) {
            lines.first { line in words.allSatisfy { line.contains($0) } }
        }
    }

    /// SIGTERM, then SIGKILL. Returns the exit status, or 128 and the signal that ended it.
    @discardableResult
    package func stop() -> Int32 {
        program.send(SIGTERM)
        let deadline = Date().addingTimeInterval(patience)
        while program.exitStatus == nil && Date() < deadline { usleep(20_000) }
        return kill()
    }

    /// SIGKILL: it has no say in its end. Returns the exit status.
    @discardableResult
    package func kill() -> Int32 {
        program.send(SIGKILL)
        return program.wait()
    }

    /// Freezes the program, as a machine that hangs would, and lets it go on.
    package func setPaused(_ isPaused: Bool) { program.send(isPaused ? SIGSTOP : SIGCONT) }

    /// Seconds of processor time that it has used, all threads (`/proc/PID/stat`, fields 14 and 15).
    package var cpuSeconds: Double? {
        let path = "/proc/\(processIdentifier)/stat"
        guard let stat = try? String(contentsOfFile: path, encoding: .utf8),
            let rest = stat.split(separator: ")").last
        else { return nil }
        let fields = rest.split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Bytes of memory that it holds (`/proc/PID/status`, VmRSS).
    package var residentBytes: Int? {
        let status = try? String(contentsOfFile: "/proc/\(processIdentifier)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
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
    let errors = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
    defer { try? FileManager.default.removeItem(at: errors) }
    let complaints = try FileHandle(forWritingTo: errors)
    let pipe = SpawnedProgram.pipe()
    let started = try SpawnedProgram(
        program, arguments, in: directory?.path, input: FileHandle.nullDevice.fileDescriptor,
        output: pipe.fileHandleForWriting.fileDescriptor, errors: complaints.fileDescriptor)
    // Its end of the pipe is the only one then, and its end is the output's.
    try pipe.fileHandleForWriting.close()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    return (started.wait(), output, (try? String(contentsOf: errors, encoding: .utf8)) ?? "")
}

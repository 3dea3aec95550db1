import Foundation
import Synchronization

/// A program started with a clean slate: no signal blocked or ignored, its three streams its own.
///
/// Foundation's `Process` hands on what the starting thread blocks (a test's threads block SIGTERM), and takes a
/// program for running as long as any grandchild holds one of its descriptors.
final class SpawnedProgram: Sendable {
    let processIdentifier: pid_t
    private let status = Mutex<Int32?>(nil)

    /// Starts `program`, looked for on PATH when it names no folder.
    init(
        _ program: String, _ arguments: [String], in directory: String?, input: Int32, output: Int32, errors: Int32
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in [input, output, errors].enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
        }
        // env becomes the program: it unblocks every signal and changes the folder, which posix_spawn here cannot.
        let command = ["/usr/bin/env", "--default-signal"] + (directory.map { ["-C", $0] } ?? []) + [program]
        var words: [UnsafeMutablePointer<CChar>?] = (command + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var identifier: pid_t = 0
        let result = posix_spawn(&identifier, command[0], &actions, nil, words, environ)
        guard result == 0 else { throw TimedOut(description: "\(program): \(String(cString: strerror(result)))") }
        processIdentifier = identifier
    }

    /// The exit status, or 128 and the signal that ended it; nil while it runs.
    var exitStatus: Int32? { poll(options: WNOHANG) }

    /// Waits for its end.
    func wait() -> Int32 { poll(options: 0) ?? -1 }

    private func poll(options: Int32) -> Int32? {
        status.withLock { status in
            if let status { return status }
            var word: Int32 = 0
            var result: pid_t
            repeat { result = waitpid(processIdentifier, &word, options) } while result < 0 && errno == EINTR
            if result == 0 { return nil }
            let signal = word & 0x7f
            status = result < 0 ? -1 : signal == 0 ? word >> 8 & 0xff : 128 + signal
            return status
        }
    }

    /// Sends a signal, unless it has ended: its number may be somebody else's by then.
    func send(_ signal: Int32) {
        if exitStatus == nil { kill(processIdentifier, signal) }
    }
}

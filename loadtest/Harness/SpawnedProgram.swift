import Foundation
import Synchronization

/// A program started with a clean slate: no signal blocked or ignored, its three streams its own.
///
/// Foundation's `Process` hands on what the starting thread blocks (a test's threads block SIGTERM), and takes a
/// program for running as long as any grandchild holds one of its descriptors.
final class SpawnedProgram: Sendable {
    let processIdentifier: pid_t
    private let status = Mutex<Int32?>(nil)
    /// Held while a program starts, and while a pipe is made that others must not keep open.
    private static let turn = Mutex(())

    /// A pipe whose ends no program inherits that another thread starts meanwhile: its reader would wait for that one too.
    static func pipe() -> Pipe {
        turn.withLock { _ in
            let pipe = Pipe()
            for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
                _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
            }
            return pipe
        }
    }

    /// Starts `program`, looked for on PATH when it names no folder.
    init(
        _ program: String, _ arguments: [String], in directory: String?, input: Int32, output: Int32, errors: Int32,
        hasOwnGroup: Bool = false
    ) throws {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Ctrl-C at a terminal reaches every process of the group: whoever undoes things in order must be alone in his.
        if hasOwnGroup {
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
            posix_spawnattr_setpgroup(&attributes, 0)
        }
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
        let result = Self.turn.withLock { _ in
            posix_spawn(&identifier, command[0], &actions, &attributes, words, environ)
        }
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

import Dispatch
import Synchronization

/// Takes finished lines from every event loop and writes them on a thread of its own.
///
/// What waits is bounded: when the disk is full or does not keep up, lines are dropped and counted, and nobody waits.
package final class AccessLogWriter: Sendable {
    /// What an operator would want to hear, once in a while.
    package enum Trouble: Sendable, Equatable {
        /// So many lines since it was last told.
        case dropped(lines: Int, reason: String)
        case cannotReopen(SystemError)
    }

    package struct Counters: Sendable {
        package var lines: UInt64 = 0
        package var dropped: UInt64 = 0
        package var bytesWaiting = 0
    }

    private struct Batch {
        let lines: [UInt8]
        let count: Int
    }

    private struct State {
        var queue: [Batch] = []
        /// Of the queue and of what is being written.
        var counters = Counters()
        var spares: [[UInt8]] = []
        var isWriting = false
        var wantsReopen = false
        var untold = 0
        var reason = ""
        var isTelling = false
        var cannotReopen = false
    }

    package let format: AccessLogFormat
    /// Microseconds since 1970, UTC: what lines are stamped by.
    package let clock: @Sendable () -> Int64
    private let bound: Int
    private let tell: @Sendable (Trouble) -> Void
    private let state = Mutex(State())
    private let file: Mutex<AccessFile>
    private let writing = DispatchQueue(label: "access log")
    /// What is told is told elsewhere: the writer's thread may hang in a write.
    private let telling = DispatchQueue(label: "access log's troubles")

    private static let spareCount = 4
    private static let tellingEvery = DispatchTimeInterval.seconds(10)

    /// `bound` is how many bytes may wait for the disk.
    ///
    /// - Throws: why the file cannot be opened.
    package init(
        _ destination: AccessLogDestination, format: AccessLogFormat, bound: Int,
        clock: @escaping @Sendable () -> Int64, tell: @escaping @Sendable (Trouble) -> Void
    ) throws(SystemError) {
        file = Mutex(try AccessFile(destination))
        self.format = format
        self.bound = bound
        self.clock = clock
        self.tell = tell
    }

    package var counters: Counters { state.withLock { $0.counters } }

    /// Takes over `count` whole lines, or drops them. Never waits for the disk.
    ///
    /// - Returns: an empty buffer to go on with.
    package func submit(_ lines: [UInt8], count: Int) -> [UInt8] {
        let (spare, starts) = state.withLock { state -> ([UInt8], Bool) in
            guard state.counters.bytesWaiting + lines.count <= bound else {
                drop(count, "the disk does not keep up", &state)
                return (lines, false)
            }
            state.queue.append(Batch(lines: lines, count: count))
            state.counters.bytesWaiting += lines.count
            let starts = !state.isWriting
            state.isWriting = true
            return (state.spares.popLast() ?? [], starts)
        }
        if starts { writing.async { self.write() } }
        var empty = spare
        empty.removeAll(keepingCapacity: true)
        return empty
    }

    /// Opens the file anew before the next line: its name was given to another.
    package func reopen() {
        state.withLock { $0.wantsReopen = true }
        writing.async { self.reopenIfWanted() }
    }

    /// Returns once all that was submitted before is written or dropped.
    package func close() { writing.sync {} }

    // MARK: The writer's thread

    private func write() {
        while let batch = next() {
            let (written, error) = file.withLock { file -> (Int, SystemError?) in
                reopen(&file)
                return file.write(batch.lines)
            }
            let lost = error == nil ? 0 : batch.lines[written...].count { $0 == 0x0a }
            state.withLock { state in
                state.counters.lines += UInt64(clamping: batch.count - lost)
                state.counters.bytesWaiting -= batch.lines.count
                if let error { drop(lost, "\(error)", &state) }
                if state.spares.count < Self.spareCount { state.spares.append(batch.lines) }
            }
        }
    }

    private func next() -> Batch? {
        state.withLock { state in
            guard !state.queue.isEmpty else {
                state.isWriting = false
                return nil
            }
            return state.queue.removeFirst()
        }
    }

    private func reopenIfWanted() { file.withLock { reopen(&$0) } }

    /// Follows the file's name, where it has gone or where someone said so.
    private func reopen(_ file: inout AccessFile) {
        let isAsked = state.withLock { state in
            defer { state.wantsReopen = false }
            return state.wantsReopen
        }
        guard isAsked || file.isRenamed else { return }
        do throws(SystemError) {
            try file.reopen()
            state.withLock { $0.cannotReopen = false }
        } catch {
            // Lines go on to the file that is open. It is tried again before each batch, and told once.
            let isNews = state.withLock { state in
                defer { state.cannotReopen = true }
                return !state.cannotReopen
            }
            if isNews { telling.async { self.tell(.cannotReopen(error)) } }
        }
    }

    // MARK: Troubles

    private func drop(_ count: Int, _ reason: String, _ state: inout State) {
        guard count > 0 else { return }
        state.counters.dropped += UInt64(clamping: count)
        state.untold += count
        state.reason = reason
        guard !state.isTelling else { return }
        state.isTelling = true
        telling.async { self.tellDrops() }
    }

    private func tellDrops() {
        let told = state.withLock { state -> (lines: Int, reason: String)? in
            guard state.untold > 0 else {
                state.isTelling = false
                return nil
            }
            defer { state.untold = 0 }
            return (state.untold, state.reason)
        }
        guard let told else { return }
        tell(.dropped(lines: told.lines, reason: told.reason))
        telling.asyncAfter(deadline: .now() + Self.tellingEvery) { self.tellDrops() }
    }
}

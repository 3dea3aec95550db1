import AccessLog
import HTTP
import NIOCore

/// Where the connections of one event loop tell of their exchanges, where there is an access log.
package final class AccessDesk {
    private let log: Log?

    /// The lines of this loop on their way to the writer, in one buffer that is used again.
    private final class Log {
        let writer: AccessLogWriter
        let eventLoop: any EventLoop
        var formatter: AccessFormatter
        var batch: [UInt8] = []
        var count = 0
        var isFlushScheduled = false
        /// Microseconds between the day's clock and the loop's.
        var offset: Int64 = 0
        var spares: [UnsettledLines] = []

        init(writer: AccessLogWriter, eventLoop: any EventLoop) {
            self.writer = writer
            self.eventLoop = eventLoop
            formatter = AccessFormatter(writer.format)
        }
    }

    /// A batch of so many bytes is handed over at once, and any after so much time.
    private static let batchBytes = 48 * 1024
    private static let batchDelay = TimeAmount.milliseconds(100)
    private static let spareCount = 16

    init(writer: AccessLogWriter?, eventLoop: any EventLoop) {
        log = writer.map { Log(writer: $0, eventLoop: eventLoop) }
        setClock()
    }

    /// Whether requests need to be kept until their exchange ends.
    var isLogging: Bool { log != nil }

    /// Follows the day's clock, which may have been set.
    func setClock() {
        guard let log else { return }
        log.offset = log.writer.clock() - Int64(clamping: NIODeadline.now().uptimeNanoseconds / 1_000)
    }

    /// The time of day, in microseconds since 1970, of a moment.
    func unixMicroseconds(_ moment: NIODeadline) -> Int64 {
        Int64(clamping: moment.uptimeNanoseconds / 1_000) + (log?.offset ?? 0)
    }

    // MARK: Lines

    /// Writes the line of an exchange that is over.
    func write(_ entry: AccessEntry, duration: TimeAmount, _ ending: AccessEnding) {
        guard let log else { return }
        log.formatter.begin(entry, ending, into: &log.batch)
        log.formatter.end(duration: duration.nanoseconds / 1_000, ending, into: &log.batch)
        wrote(log)
    }

    /// Writes all of an exchange but its end, until the socket has taken its last byte.
    func begin(_ entry: AccessEntry, startedAt: NIODeadline, into lines: UnsettledLines) {
        log?.formatter.begin(entry, .whole, into: &lines.bytes)
        lines.add(startedAt: startedAt)
    }

    /// Ends the first `count` of the lines.
    func settle(_ lines: UnsettledLines, count: Int, _ ending: AccessEnding, at now: NIODeadline) {
        guard let log else { return }
        for _ in 0..<count {
            guard let (range, startedAt) = lines.next() else { break }
            log.batch.append(contentsOf: lines.bytes[range])
            log.formatter.end(duration: (now - startedAt).nanoseconds / 1_000, ending, into: &log.batch)
            wrote(log)
        }
    }

    private func wrote(_ log: Log) {
        log.count += 1
        if log.batch.count >= Self.batchBytes { return flush() }
        guard !log.isFlushScheduled else { return }
        log.isFlushScheduled = true
        let bound = NIOLoopBound(self, eventLoop: log.eventLoop)
        log.eventLoop.scheduleTask(in: Self.batchDelay) {
            bound.value.log?.isFlushScheduled = false
            bound.value.flush()
        }
    }

    /// Hands over what there is.
    package func flush() {
        guard let log, log.count > 0 else { return }
        let (lines, count) = (log.batch, log.count)
        log.batch = []
        log.count = 0
        log.batch = log.writer.submit(lines, count: count)
    }

    // MARK: Memory

    func takeLines() -> UnsettledLines { log?.spares.popLast() ?? UnsettledLines() }

    func give(_ lines: UnsettledLines) {
        guard let log, log.spares.count < Self.spareCount else { return }
        lines.clear()
        log.spares.append(lines)
    }
}

/// Lines of a connection's exchanges whose last bytes are on their way to the socket.
final class UnsettledLines {
    fileprivate(set) var bytes: [UInt8] = []
    private var lines: [(end: Int, startedAt: NIODeadline)] = []
    private var taken = 0
    /// How many of them some write tells the end of.
    private var told = 0

    var isEmpty: Bool { taken == lines.count }

    fileprivate func add(startedAt: NIODeadline) {
        lines.append((bytes.count, startedAt))
        if taken >= 128 { compact() }
    }

    /// A connection that is never idle keeps no more than is on its way.
    private func compact() {
        let written = lines[taken - 1].end
        bytes.removeFirst(written)
        lines.removeFirst(taken)
        for index in lines.indices { lines[index].end -= written }
        told = max(0, told - taken)
        taken = 0
    }

    fileprivate func next() -> (Range<Int>, NIODeadline)? {
        guard taken < lines.count else { return nil }
        let start = taken == 0 ? 0 : lines[taken - 1].end
        defer { taken += 1 }
        return (start..<lines[taken].end, lines[taken].startedAt)
    }

    /// How many lines end with the write that comes next.
    func tell() -> Int {
        defer { told = lines.count }
        return lines.count - told
    }

    var count: Int { lines.count - taken }

    fileprivate func clear() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 64 * 1024)
        lines.removeAll(keepingCapacity: true)
        taken = 0
        told = 0
    }
}

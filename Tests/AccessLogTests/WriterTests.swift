import Foundation
import Synchronization
import Testing

@testable import AccessLog

/// The writer with real files: names that move, disks that are full, and readers that do not read.
@Suite("The access log's writer")
struct WriterTests {
    private final class Troubles: Sendable {
        private let told = Mutex<[AccessLogWriter.Trouble]>([])
        private let first = DispatchSemaphore(value: 0)
        func tell(_ trouble: AccessLogWriter.Trouble) {
            told.withLock { $0.append(trouble) }
            first.signal()
        }
        /// The first that is told.
        func next() -> AccessLogWriter.Trouble? {
            guard first.wait(timeout: .now() + 10) == .success else { return nil }
            return told.withLock { $0.first }
        }
    }

    private func with(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func writer(
        _ path: String, bound: Int = 1 << 20, troubles: Troubles = Troubles()
    ) throws -> AccessLogWriter {
        try AccessLogWriter(.file(path), format: .json, bound: bound, clock: { 0 }, tell: troubles.tell)
    }

    private func lines(_ url: URL) throws -> [String] {
        let text = try String(contentsOf: url, encoding: .utf8)
        #expect(text.isEmpty || text.hasSuffix("\n"))
        return text.split(separator: "\n").map(String.init)
    }

    private func submit(_ lines: [String], to writer: AccessLogWriter) {
        _ = writer.submit(Array(lines.map { "\($0)\n" }.joined().utf8), count: lines.count)
    }

    @Test("batches are written in their order, and after what was there")
    func order() throws {
        try with { folder in
            let file = folder.appendingPathComponent("access.log")
            try "before\n".write(to: file, atomically: true, encoding: .utf8)
            let writer = try writer(file.path)
            for number in 0..<500 { submit(["\(number) a", "\(number) b"], to: writer) }
            writer.close()
            #expect(try lines(file) == ["before"] + (0..<500).flatMap { ["\($0) a", "\($0) b"] })
            #expect(writer.counters.lines == 1_000 && writer.counters.dropped == 0)
            #expect(writer.counters.bytesWaiting == 0)
        }
    }

    @Test("what is renamed is left, with or without a word, and no line is lost", arguments: [false, true])
    func rotation(isTold: Bool) throws {
        try with { folder in
            let file = folder.appendingPathComponent("access.log")
            let old = folder.appendingPathComponent("access.log.1")
            let writer = try writer(file.path)
            submit(["1", "2"], to: writer)
            writer.close()
            try FileManager.default.moveItem(at: file, to: old)
            if isTold {
                writer.reopen()
                writer.close()
                #expect(try lines(file).isEmpty)
            }
            submit(["3"], to: writer)
            writer.close()
            #expect(try lines(old) == ["1", "2"])
            #expect(try lines(file) == ["3"])
            try FileManager.default.removeItem(at: file)
            submit(["4"], to: writer)
            writer.close()
            #expect(try lines(file) == ["4"])
        }
    }

    @Test("where it cannot be opened anew, lines go on to what is open, and it is said once")
    func noNewFile() throws {
        try with { folder in
            let place = folder.appendingPathComponent("logs")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            let troubles = Troubles()
            let writer = try writer(place.appendingPathComponent("access.log").path, troubles: troubles)
            submit(["1"], to: writer)
            writer.close()
            let moved = folder.appendingPathComponent("moved")
            try FileManager.default.moveItem(at: place, to: moved)
            submit(["2"], to: writer)
            submit(["3"], to: writer)
            writer.close()
            guard case .cannotReopen(let error)? = troubles.next() else {
                Issue.record("nothing was told")
                return
            }
            #expect(error.code == ENOENT)
            #expect(try lines(moved.appendingPathComponent("access.log")) == ["1", "2", "3"])
            #expect(writer.counters.dropped == 0)
        }
    }

    @Test("a file that cannot be opened is told at once")
    func noFile() throws {
        try with { folder in
            #expect(throws: SystemError.self) { _ = try writer(folder.appendingPathComponent("no/access.log").path) }
        }
    }

    @Test("on a full disk lines are dropped, counted and told")
    func fullDisk() throws {
        let troubles = Troubles()
        let writer = try writer("/dev/full", troubles: troubles)
        submit(["1", "2", "3"], to: writer)
        writer.close()
        #expect(troubles.next() == .dropped(lines: 3, reason: "No space left on device"))
        #expect(writer.counters.dropped == 3 && writer.counters.lines == 0)
        #expect(writer.counters.bytesWaiting == 0)
    }

    @Test("behind a reader that does not read, what waits is bounded, nobody waits, and lines stay whole")
    func slowReader() throws {
        try with { folder in
            let pipe = folder.appendingPathComponent("pipe").path
            #expect(mkfifo(pipe, 0o600) == 0)
            let reader = open(pipe, O_RDONLY | O_NONBLOCK)
            defer { close(reader) }
            let troubles = Troubles()
            let bound = 128 << 10
            let writer = try writer(pipe, bound: bound, troubles: troubles)
            let line = String(repeating: "x", count: 999)
            for _ in 0..<1_000 {
                submit([line], to: writer)
                #expect(writer.counters.bytesWaiting <= bound)
            }
            let dropped = Int(writer.counters.dropped)
            #expect(dropped > 500)
            guard case .dropped(_, let reason)? = troubles.next() else {
                Issue.record("nothing was told")
                return
            }
            #expect(reason == "the disk does not keep up")
            // Now it is read: what was not dropped comes whole.
            let expected = (1_000 - dropped) * 1_000
            var received: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while received.count < expected {
                var wait = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
                try #require(poll(&wait, 1, 10_000) > 0, "\(received.count) of \(expected) bytes came")
                let count = read(reader, &buffer, buffer.count)
                if count > 0 { received += buffer.prefix(count) }
            }
            writer.close()
            #expect(received == Array(String(repeating: line + "\n", count: 1_000 - dropped).utf8))
            #expect(Int(writer.counters.lines) == 1_000 - dropped)
        }
    }
}

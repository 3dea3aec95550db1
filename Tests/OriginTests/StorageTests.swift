import Foundation
import HLS
import Harness
import Logging
import NIOCore
import Testing

@testable import Origin

/// Old segments in files: real ones, written and read off the event loop, over real sockets.
@Suite(.serialized) final class StorageTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("media-\(UUID().uuidString)")
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let partBytes = 20_000

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func files(_ folder: String) -> [String] {
        let found = FileManager.default.enumerator(atPath: "\(folder)/needletail-media")?.allObjects as? [String] ?? []
        return found.filter { $0.hasSuffix(".m4s") }
    }

    /// An origin with a minute's window in `path`, which it may not be able to use.
    private func serve(
        _ path: String, memory: Int = 64 << 20, disk: Int = 64 << 20,
        _ body: (SocketOrigin, MediaDirectory) throws -> Void
    ) async throws {
        let directory = MediaDirectory(path: path)
        directory.start(logger: quiet)
        let origin = try SocketOrigin { loop in
            try LiveOrigin(on: loop, window: .seconds(60)) { settings in
                settings.storage.memoryBytes = memory
                settings.storage.diskBytes = disk
                settings.storage.directory = directory
            }
        }
        do {
            try body(origin, directory)
        } catch {
            origin.stop()
            await directory.stop()
            throw error
        }
        origin.stop()
        await directory.stop()
    }

    /// What the metrics tell, after the clock has ticked.
    private func sizes(_ origin: SocketOrigin) throws -> (memory: Int, disk: Int) {
        try origin.on { origin in
            origin.hub.tick(at: .now() + .seconds(3))
            return (origin.presentation?.memoryBytes ?? 0, origin.presentation?.diskBytes ?? 0)
        }
    }

    private func add(_ segments: Int, to origin: SocketOrigin) throws {
        try origin.on { origin in
            if origin.presentation?.renditions.isEmpty != false { origin.publish.track() }
            origin.publish.add(segments, bytes: Self.partBytes)
        }
    }

    @Test("Old segments move into files and are the same from there, whole and by the part, over both versions of HTTP")
    func moves() async throws {
        try await serve(folder.path) { origin, directory in
            try add(40, to: origin)
            // Six target durations stay in memory: seven segments of 80 kB.
            let sizes = try eventually("segments in files") {
                let sizes = try self.sizes(origin)
                return sizes.memory < 8 * 4 * Self.partBytes ? sizes : nil
            }
            #expect(sizes.memory + sizes.disk > 39 * 4 * Self.partBytes)
            try eventually("forty segments are written") { directory.counters.written == 40 ? () : nil }
            #expect(files(folder.path).count == 40)
            let (epoch, first) = try origin.on { ($0.epoch, $0.first) }
            let streams = try origin.streams()
            defer { streams.stop() }
            for sequence in first..<first + 40 {
                let parts = (0..<4).map { LiveOrigin.Publish.media(.video, sequence, $0, count: Self.partBytes) }
                let path = "/live/demo/video/\(epoch)/\(sequence)"
                let whole = try origin.get("\(path).m4s")
                #expect(whole.status == 200)
                var expected = ByteBuffer()
                for part in parts { expected.writeImmutableBuffer(part) }
                #expect(whole.body == expected)
                let (status, body) = try streams.ask("\(path).m4s").answer.wait()
                #expect(status == 200 && body == whole.body)
                for (index, part) in parts.enumerated() {
                    #expect(try streams.ask("\(path).\(index).m4s").answer.wait().1 == part)
                }
            }
            #expect(directory.counters.readFailures == 0)
        }
        #expect(files(folder.path).isEmpty, "they end with the process")
    }

    @Test("A directory that cannot be used is told, costs the past and never memory, and is used once it can be")
    func unusable() async throws {
        let path = folder.appendingPathComponent("file").path
        try "in the way".write(toFile: path, atomically: true, encoding: .utf8)
        let bound = 1 << 20
        try await serve(path, memory: bound) { origin, directory in
            try add(30, to: origin)
            #expect(try sizes(origin).memory <= bound)
            try eventually("a failure is counted") { directory.counters.writeFailures > 0 ? () : nil }
            #expect(!directory.isUsable)
            let before = try MediaPlaylist(parsing: try origin.get("/live/demo/video/playlist.m3u8").text.utf8)
            let first = try origin.on { $0.first }
            // Thirty segments of 2 s would fit into the window.
            #expect(before.mediaSequence > first)
            #expect(before.segments.count >= 6)
            #expect(try origin.on { $0.presentation?.droppedSegments ?? 0 } > 10)
            try FileManager.default.removeItem(atPath: path)
            try add(20, to: origin)
            try eventually("the directory is used: \(directory.counters)") {
                // It is tried again with a segment some seconds later.
                if directory.counters.written < 6 { try add(1, to: origin) }
                _ = try sizes(origin)
                return directory.counters.written > 5 ? () : nil
            }
            #expect(directory.isUsable)
            try add(10, to: origin)
            let after = try MediaPlaylist(parsing: try origin.get("/live/demo/video/playlist.m3u8").text.utf8)
            #expect(after.mediaSequence >= before.mediaSequence)
        }
    }

    @Test("The disk has a bound too: the oldest go first, and the window gets shorter")
    func diskBound() async throws {
        let bound = 1 << 20
        try await serve(folder.path, disk: bound) { origin, directory in
            for _ in 0..<30 {
                try add(1, to: origin)
                // As slowly as live media comes, or all would be in memory still.
                let written = directory.counters.written
                _ = try eventually("moved") { () -> Bool? in
                    let sizes = try self.sizes(origin)
                    return directory.counters.written > written || sizes.memory < 9 * 4 * Self.partBytes ? true : nil
                }
            }
            try eventually("within bounds") {
                try add(1, to: origin)
                return try sizes(origin).disk <= bound ? () : nil
            }
            try eventually("files that nobody needs go") {
                files(folder.path).count <= bound / (4 * Self.partBytes) + 1 ? () : nil
            }
            let playlist = try MediaPlaylist(parsing: try origin.get("/live/demo/video/playlist.m3u8").text.utf8)
            #expect(try playlist.mediaSequence > origin.on { $0.first })
            for segment in playlist.segments {
                #expect(try origin.get("/live/demo/video/\(segment.uri ?? "")").status == 200)
            }
        }
    }

    /// Something of an earlier process in the directory.
    private func leave(_ name: String) throws -> URL {
        let file = folder.appendingPathComponent("needletail-media/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try "old".write(to: file, atomically: true, encoding: .utf8)
        return file
    }

    private func isThere(_ file: URL) -> Bool { FileManager.default.fileExists(atPath: file.path) }

    @Test("What an earlier process left stays for who takes it up, the rest goes, and nothing else does")
    func cleaning() async throws {
        let before = MediaDirectory(path: folder.path)
        before.start(logger: quiet)
        before.keep(["demo/abc", "demo/def"])
        let files = try ["demo/abc/video/1.m4s", "demo/def/video/1.m4s", "other/ghi/video/1.m4s"].map(leave)
        let mine = folder.appendingPathComponent("mine.txt")
        try "mine".write(to: mine, atomically: true, encoding: .utf8)
        let outside = folder.appendingPathComponent("outside")
        try FileManager.default.createDirectory(at: outside, withIntermediateDirectories: true)
        try "kept".write(to: outside.appendingPathComponent("a"), atomically: true, encoding: .utf8)
        try FileManager.default.createSymbolicLink(
            at: files[1].deletingLastPathComponent().appendingPathComponent("link"), withDestinationURL: outside)
        // Another origin may not use it meanwhile: it would remove what this one serves.
        let other = MediaDirectory(path: folder.path)
        other.start(logger: quiet)
        #expect(other.counters.writeFailures == 1 && !other.isUsable)
        other.removeAllBut([])
        await other.stop()
        #expect(files.map(isThere) == [true, true, true])
        await before.stop()
        #expect(files.map(isThere) == [true, true, false])

        let directory = MediaDirectory(path: folder.path)
        directory.start(logger: quiet)
        directory.removeAllBut(["demo/abc"])
        try eventually("what nobody took up is gone") { isThere(files[1]) ? nil : () }
        #expect(isThere(files[0]) && isThere(mine) && isThere(outside.appendingPathComponent("a")))
        await directory.stop()
        #expect(!isThere(files[0]))
    }

    @Test("After the machine has started anew nothing is trusted: the disk may lack what its memory had")
    func anotherBoot() async throws {
        let before = MediaDirectory(path: folder.path)
        before.start(logger: quiet)
        before.keep(["demo/abc"])
        let file = try leave("demo/abc/video/1.m4s")
        await before.stop()
        #expect(isThere(file))
        let mark = folder.appendingPathComponent("needletail-media/era")
        try #require(isThere(mark))
        try "needletail media 1\nsome other boot\n".write(to: mark, atomically: true, encoding: .utf8)
        let directory = MediaDirectory(path: folder.path)
        directory.start(logger: quiet)
        #expect(!isThere(file))
        await directory.stop()
    }

    @Test("A file that is torn under the origin cuts its answer off, and harms no other")
    func torn() async throws {
        try await serve(folder.path) { origin, directory in
            try add(20, to: origin)
            try eventually("segments in files alone") {
                try sizes(origin).memory < 8 * 4 * Self.partBytes && directory.counters.written == 20 ? () : nil
            }
            let name = try #require(files(folder.path).min())
            let path = "\(folder.path)/needletail-media/\(name)"
            truncate(path, 10)
            let sequence = try #require(name.split(separator: "/").last)
            let epoch = try origin.on { $0.epoch }
            let streams = try origin.streams()
            defer { streams.stop() }
            #expect(throws: (any Error).self) {
                _ = try streams.ask("/live/demo/video/\(epoch)/\(sequence)").answer.wait()
            }
            #expect(throws: (any Error).self) { _ = try origin.get("/live/demo/video/\(epoch)/\(sequence)") }
            #expect(directory.counters.readFailures == 2)
            #expect(try streams.ask("/live/demo/video/playlist.m3u8").answer.wait().0 == 200)
        }
    }
}

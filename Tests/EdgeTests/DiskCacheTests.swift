import Cache
import Foundation
import HTTP
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import Edge

/// The disk tier on real files: what the kernel refuses, what lies there that is not ours, and what outlives a process.
@Suite(.serialized) final class DiskCacheTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("disk-\(UUID().uuidString)")
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// A store with its files, used on its loop alone.
    private final class Node {
        let store: CacheStore
        let disk: DiskCache
        private(set) var waiter: WaiterID = 0

        init(_ path: String, _ loop: any EventLoop) {
            store = CacheStore(
                budgetBytes: 1 << 20, objectBytes: 1 << 20,
                disk: DiskTier(budgetBytes: 1 << 20, objectBytes: 1 << 20, admits: DiskAdmission.isAdmitted))
            disk = DiskCache(
                CacheDirectory(path: path), store: store, eventLoop: loop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            disk.start()
        }

        func look(_ target: String) -> CacheStore.Lookup {
            waiter += 1
            return store.look(up: RequestHead(target: HTTPBytes(target)), waiter: waiter, at: .now)
        }

        func fill(_ target: String, after delay: Duration = .zero, bytes: Int = 5_000) {
            guard case .lead(let fill, _) = look(target) else { return }
            var head = ResponseHead(status: 200)
            head.fields.append("cache-control", "max-age=600")
            head.fields.append("x-target", target)
            _ = store.head(fill, head, at: .now + delay, unixSeconds: Int64(Date().timeIntervalSince1970))
            _ = store.body(fill, ByteBuffer(repeating: 0x61, count: bytes))
            _ = store.finish(fill, at: .now + delay)
        }
    }

    private func start(_ path: String? = nil) async throws -> NIOLoopBound<Node> {
        let (path, loop) = (path ?? folder.path, loop)
        let node = try await loop.submit { NIOLoopBound(Node(path, loop), eventLoop: loop) }.get()
        try await settle(node)
        return node
    }

    private func on<T: Sendable>(
        _ node: NIOLoopBound<Node>, _ body: @escaping @Sendable (Node) -> T
    ) async throws -> T { try await loop.submit { body(node.value) }.get() }

    /// Ends when the disk has done what is known by now, and what that brought.
    private func settle(_ node: NIOLoopBound<Node>) async throws {
        for _ in 0..<4 { try await loop.flatSubmit { node.value.disk.settle() }.get() }
    }

    private func stop(_ node: NIOLoopBound<Node>) async throws {
        let directory = try await on(node) { $0.disk.directory }
        await directory.stop()
    }

    private var files: [String] {
        let all = FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String] ?? []
        return all.filter { $0.split(separator: "/").count == 3 }.sorted()
    }

    private func file(_ number: Int) -> String {
        let name = String(repeating: "0", count: 15) + String(number, radix: 16)
        return folder.appendingPathComponent("needletail-cache/\(name.suffix(2))/\(name)").path
    }

    /// What a request is answered with, read to its end.
    private func answer(_ node: NIOLoopBound<Node>, _ target: String) async throws -> String {
        try await loop.flatSubmit { [loop] () -> EventLoopFuture<String> in
            let node = node.value
            switch node.look(target) {
            case .serve(_, let role): return loop.makeSucceededFuture("\(role)")
            case .lead(let fill, _):
                _ = node.store.fail(fill, at: .now)
                return loop.makeSucceededFuture("upstream")
            case .load(let fill, let object):
                let promise = loop.makePromise(of: String.self)
                node.disk.load(object) { body in
                    switch node.store.loaded(fill, body, at: .now).first {
                    case .deliver(_, let response, let role):
                        promise.succeed("\(role) \(response.body.byteCount)")
                    case .again: promise.succeed("again")
                    default: promise.succeed("nothing")
                    }
                }
                return promise.futureResult
            default: return loop.makeSucceededFuture("other")
            }
        }.get()
    }

    @Test func whatIsWrittenOutlivesTheProcess() async throws {
        let first = try await start()
        try await on(first) { node in for name in ["a", "b", "c"] { node.fill("/vod/\(name)") } }
        try await settle(first)
        #expect(files.count == 3)
        #expect(try await on(first) { $0.store.purge(.target(HTTPBytes("/vod/b")), .hard, at: .now).count } == 1)
        try await stop(first)

        // A write that did not come to its end, a torn file, and files of others.
        let folder = "\(self.folder.path)/needletail-cache"
        try Data(repeating: 0, count: 100).write(to: URL(filePath: "\(file(1)).new"))
        try FileManager.default.createDirectory(atPath: "\(folder)/strange/below", withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(filePath: "\(folder)/strange/below/file"))
        try FileManager.default.createDirectory(atPath: "\(folder)/0f", withIntermediateDirectories: true)
        try Data(repeating: 1, count: 9_000).write(to: URL(filePath: file(15)))
        let whole = try Data(contentsOf: URL(filePath: file(3)))
        try whole.dropLast().write(to: URL(filePath: file(3)))

        let second = try await start()
        #expect(try await answer(second, "/vod/a") == "disk 5000")
        #expect(try await answer(second, "/vod/a") == "hit")
        #expect(try await answer(second, "/vod/b") == "upstream", "purged")
        #expect(try await answer(second, "/vod/c") == "upstream", "torn")
        #expect(files == ["needletail-cache/01/0000000000000001"])
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/strange"))
        try await stop(second)
    }

    /// The kernel itself says that there is no room, without any right that a test run might lack.
    @Test func aFullDiskIsLeftAloneAndTriedAgain() async throws {
        let node = try await start()
        try await on(node) { $0.fill("/vod/a") }
        try await settle(node)
        try FileManager.default.createDirectory(
            atPath: (file(2) as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: "\(file(2)).new", withDestinationPath: "/dev/full")
        try await on(node) { $0.fill("/vod/b") }
        try await settle(node)
        #expect(try await on(node) { $0.store.disk?.isWorking } == false)
        #expect(files == ["needletail-cache/01/0000000000000001"], "nothing of what failed is left")
        #expect(try await answer(node, "/vod/b") == "hit")
        try await on(node) { node in
            node.fill("/vod/c")
            node.fill("/vod/d", after: .seconds(3))
        }
        try await settle(node)
        #expect(try await on(node) { $0.store.disk?.isWorking } == true)
        #expect(try await on(node) { $0.store.disk?.counters.failures } == 1)
        try await stop(node)
    }

    /// Reading the first page of a process's memory is an input/output error, as that of a broken disk.
    @Test func aFileThatCannotBeReadIsFetched() async throws {
        let first = try await start()
        try await on(first) { node in for name in ["a", "b"] { node.fill("/vod/\(name)") } }
        try await settle(first)
        try await stop(first)
        let second = try await start()
        try FileManager.default.removeItem(atPath: file(1))
        try FileManager.default.createSymbolicLink(atPath: file(1), withDestinationPath: "/proc/self/mem")
        #expect(try await answer(second, "/vod/a") == "again")
        #expect(try await answer(second, "/vod/a") == "upstream")
        #expect(try await answer(second, "/vod/b") == "upstream", "memory is all there is")
        try await settle(second)
        try await on(second) { $0.fill("/vod/c", after: .seconds(3)) }
        try await settle(second)
        #expect(try await answer(second, "/vod/b") == "disk 5000", "it works again")
        try await stop(second)
    }

    @Test func aFileThatSomebodyTookAwayCostsOneFetch() async throws {
        let first = try await start()
        try await on(first) { node in for name in ["a", "b"] { node.fill("/vod/\(name)") } }
        try await settle(first)
        try await stop(first)
        let second = try await start()
        try FileManager.default.removeItem(atPath: file(1))
        #expect(try await answer(second, "/vod/a") == "again")
        #expect(try await answer(second, "/vod/b") == "disk 5000")
        try await stop(second)
    }

    @Test(arguments: ["/dev/null/cache", "/proc/cache"])
    func aDirectoryThatCannotBeUsedCostsNothing(path: String) async throws {
        let node = try await start(path)
        try await on(node) { $0.fill("/vod/a") }
        #expect(try await answer(node, "/vod/a") == "hit")
        #expect(try await on(node) { $0.store.disk?.isWorking } == false)
        try await stop(node)
    }

    @Test func aSecondEdgeIsKeptOut() async throws {
        let first = try await start()
        let second = try await start()
        try await on(first) { $0.fill("/vod/a") }
        try await on(second) { $0.fill("/vod/b") }
        try await settle(first)
        try await settle(second)
        #expect(files.count == 1)
        #expect(try await on(second) { $0.store.disk?.isWorking } == false)
        try await stop(second)
        try await stop(first)
    }

    @Test(arguments: [
        ("/live/demo/video/e1/12.m4s", "", true), ("/live/demo/video/e1/init.mp4", "", true),
        ("/live/demo/video/e1/12.3.m4s", "", false), ("/live/demo/video/playlist.m3u8", "", false),
        ("/live/demo/index.m3u8", "max-age=600", false), ("/live/other", "", false), ("/vod/film.mp4?x=1", "", true),
        ("/vod/list.M3U8?x=1", "max-age=2", false), ("/vod/list.m3u8", "max-age=600", true),
        ("/vod/manifest.mpd", "no-cache", false),
    ])
    func whatIsAdmitted(target: String, control: String, isAdmitted: Bool) {
        var head = ResponseHead(status: 200)
        if !control.isEmpty { head.fields.append("cache-control", control) }
        #expect(DiskAdmission.isAdmitted(HTTPBytes(target), head) == isAdmitted)
        head.fields.append("content-type", "application/vnd.apple.mpegurl")
        let isLive = target.hasPrefix("/live/")
        #expect(
            DiskAdmission.isAdmitted(HTTPBytes(target), head) == (isAdmitted && (isLive || control == "max-age=600")))
    }
}

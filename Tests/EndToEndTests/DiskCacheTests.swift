import Foundation
import Harness
import Testing

/// An edge whose cache lies in files too: killed and started again, on a disk that is full.
extension EndToEnd {
    @Suite(.serialized) struct DiskCacheTests {
        private static let token = "0123456789abcdef0123"

        /// Objects on demand that say their own name, a megabyte of it.
        private static func script(_ request: ScriptedOrigin.Request) -> String {
            guard request.method == "GET", request.target.hasPrefix("/vod/") else {
                return ScriptedOrigin.message("404 Not Found")
            }
            let lifetime = request.target.hasPrefix("/vod/short") ? 1 : 600
            let group = request.target.hasPrefix("/vod/b") ? "b" : "rest"
            return ScriptedOrigin.message(
                "200 OK",
                ["Cache-Control: max-age=\(lifetime)", "ETag: \"1\"", "Surrogate-Key: \(group)"],
                body: body(request.target))
        }

        private static func body(_ target: String) -> String {
            String(repeating: target + "\n", count: (1 << 20) / (target.utf8.count + 1))
        }

        private func withOrigin(_ body: (ScriptedOrigin, URL) throws -> Void) throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            try "\(Self.token)\n".write(
                to: directory.appendingPathComponent("token"), atomically: true, encoding: .utf8)
            let origin = try ScriptedOrigin(Self.script)
            defer { origin.stop() }
            try body(origin, directory)
        }

        /// An edge with files in `cache`, started by `launcher` where there is one.
        private func edge(
            _ origin: ScriptedOrigin, in directory: URL, name: String, loops: Int = 1, launcher: [String] = []
        ) throws -> (process: ChildProcess, base: String, purge: String) {
            let command =
                launcher + [
                    Fleet.program, "edge", "--set", "name=edge-x", "--set",
                    "upstreams.0.url=http://127.0.0.1:\(origin.port)", "--http", "127.0.0.1:0", "--set",
                    "admin.listen=127.0.0.1:0", "--set", "admin.token_file=token", "--set",
                    "watch.hls_js=\(Fleet.fetched("hls.js"))", "--set", "cache.memory=16MiB", "--set",
                    "cache.disk.directory=cache", "--set", "cache.disk.bytes=64MiB",
                    "--set", "cores=\(loops)",
                ]
            let process = try ChildProcess(
                command[0], Array(command.dropFirst()), in: directory, name: name, patience: 10)
            _ = try process.line(with: "upstream connected", "http/1.1")
            let base = "http://127.0.0.1:\(try Fleet.port("http", of: process))"
            return (process, base, "http://127.0.0.1:\(try Fleet.port("admin", of: process))/v1/purge")
        }

        private func metric(_ name: String, of base: String) throws -> Int? {
            try curl("\(base)/metrics").text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
                .flatMap { $0.split(separator: " ").last }.flatMap { Int($0) }
        }

        private func purge(_ address: String) throws -> String {
            try curl(address, "-X", "POST", "-H", "Authorization: Bearer \(Self.token)").text
        }

        @Test func whatWasKeptIsServedAfterAKillWithoutTheOrigin() throws {
            try withOrigin { origin, directory in
                let first = try edge(origin, in: directory, name: "first")
                let targets = ["/vod/a1", "/vod/a2", "/vod/b1", "/vod/short"]
                for target in targets { #expect(try curl("\(first.base)\(target)").text == Self.body(target)) }
                _ = try eventually("\(targets.count) files") {
                    try metric("needletail_cache_disk_writes_total", of: first.base) == targets.count ? true : nil
                }
                #expect(try purge("\(first.purge)?key=b").hasPrefix("{\"purged\":1"))
                first.process.kill()

                let second = try edge(origin, in: directory, name: "second")
                defer { second.process.stop() }
                _ = try second.process.line(with: "the cache's disk is read", "objects=3")
                let range = try curl("\(second.base)/vod/a1", "-r", "700000-700008")
                #expect(
                    range.status == 206 && range.headers["content-range"]?.hasPrefix("bytes 700000-700008/") == true)
                #expect(
                    range.text == String(decoding: Array(Self.body("/vod/a1").utf8)[700_000...700_008], as: UTF8.self))
                #expect(range.headers["cache-status"]?.hasSuffix("detail=disk") == true)
                let whole = try curl("\(second.base)/vod/a1")
                #expect(whole.text == Self.body("/vod/a1"))
                #expect(whole.headers["cache-status"]?.hasPrefix("edge-x; hit; ttl=5") == true)
                #expect(whole.headers["cache-status"]?.hasSuffix("detail=disk") == true)
                // It is in memory from then on.
                #expect(try curl("\(second.base)/vod/a1").headers["cache-status"]?.contains("detail") == false)
                #expect(try curl("\(second.base)/vod/a2", "-H", "If-None-Match: \"1\"").status == 304)
                #expect(origin.requests(for: "/vod/a1").count == 1 && origin.requests(for: "/vod/a2").count == 1)
                // Stale: asked about with the validator that its file tells.
                _ = try curl("\(second.base)/vod/short")
                #expect(origin.requests(for: "/vod/short").last?.values("if-none-match") == ["\"1\""])
                // Purged before the kill.
                _ = try curl("\(second.base)/vod/b1")
                #expect(origin.requests(for: "/vod/b1").map { $0.values("if-none-match") } == [[], []])
                #expect(try metric("needletail_cache_disk_hits_total", of: second.base) == 3)
            }
        }

        /// Where this run may not mount, `DiskCacheTests` of the edge has the kernel say the same without a mount.
        private static let mounting: [String]? = {
            for flags in [["-m"], ["-rm"]] {
                let line = "mount -t tmpfs -o size=1m tmpfs /tmp"
                if let tried = try? run("unshare", flags + ["sh", "-c", line]), tried.status == 0 {
                    return ["unshare"] + flags
                }
            }
            return nil
        }()

        @Test(.enabled(if: mounting != nil, "this run may not mount a tmpfs of its own"))
        func aDiskThatIsFullFailsNoRequest() throws {
            try withOrigin { origin, directory in
                try FileManager.default.createDirectory(
                    at: directory.appendingPathComponent("cache"), withIntermediateDirectories: true)
                let launcher =
                    (Self.mounting ?? []) + [
                        "sh", "-c", "mount -t tmpfs -o size=3m tmpfs cache && exec \"$0\" \"$@\"",
                    ]
                let edge = try edge(origin, in: directory, name: "full", loops: 2, launcher: launcher)
                defer { edge.process.stop() }
                // More than memory holds.
                for round in 0..<2 {
                    for number in 0..<18 {
                        let target = "/vod/\(number)"
                        let answer = try curl("\(edge.base)\(target)")
                        #expect(answer.status == 200 && answer.text == Self.body(target), "\(target) in round \(round)")
                    }
                }
                _ = try edge.process.line(with: "the cache's disk is not written to", "No space left on device")
                #expect(try metric("needletail_cache_disk_failures_total", of: edge.base) ?? 0 > 0)
                // It goes on within the room that there is.
                var number = 100
                _ = try eventually("the disk is used again: \(edge.process.text)") { () throws -> Bool? in
                    number += 1
                    #expect(try curl("\(edge.base)/vod/\(number)").status == 200)
                    return edge.process.text.contains("the cache's disk works again") ? true : nil
                }
                #expect(try metric("needletail_cache_disk_up", of: edge.base) == 1)
                #expect(try metric("needletail_cache_disk_bytes", of: edge.base) ?? .max < 3 << 20)
            }
        }
    }
}

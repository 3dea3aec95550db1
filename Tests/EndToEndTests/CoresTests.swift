import Foundation
import HLS
import Harness
import Testing

/// An edge of several event loops is one edge: whichever of them a connection meets.
extension EndToEnd {
    @Suite(.serialized) struct CoresTests {
        /// Answers to as many connections in a row as meet every loop more than once.
        private func each(
            _ url: String, _ ask: (String) throws -> Answer = { try curl($0) }
        ) throws -> [Answer] {
            try (0..<8).map { _ in try ask(url) }
        }

        @Test func whatOneLoopHasFetchedAllHave() throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let token = "0123456789abcdef0123"
            try "\(token)\n".write(to: directory.appendingPathComponent("token"), atomically: true, encoding: .utf8)
            let origin = try ScriptedOrigin { request in
                switch request.target {
                case "/kept":
                    ScriptedOrigin.message(
                        "200 OK", ["Cache-Control: max-age=600", "ETag: \"1\""],
                        body: String(repeating: "0123456789", count: 60_000))
                case "/made": ScriptedOrigin.message("201 Created", ["Location: /kept"], body: "made")
                case "/own": ScriptedOrigin.message("200 OK", ["Cache-Control: private"], body: "own")
                default: ScriptedOrigin.message("404 Not Found")
                }
            }
            defer { origin.stop() }
            let edge = try ChildProcess(
                Fleet.program,
                [
                    "edge", "--set", "name=edge-x", "--set", "cores=3", "--http", "127.0.0.1:0", "--set",
                    "upstreams.0.url=http://127.0.0.1:\(origin.port)", "--set", "admin.listen=127.0.0.1:0", "--set",
                    "admin.token_file=token", "--set", "watch.hls_js=\(Fleet.fetched("hls.js"))",
                ], in: directory, name: "edge", patience: 10)
            defer { edge.stop() }
            _ = try edge.line(with: "upstream connected", "http/1.1")
            let base = "http://127.0.0.1:\(try Fleet.port("http", of: edge))"

            // One fetch, however many loops are asked; a loop that asks another does not call that forwarding.
            let answers = try each("\(base)/kept")
            for answer in answers { #expect(answer.status == 200 && answer.body.count == 600_000) }
            let words = answers.map { $0.headers["cache-status"] ?? "" }
            #expect(words.first?.hasPrefix("edge-x; fwd=miss; fwd-status=200; stored; ttl=") == true)
            for word in words.dropFirst() { #expect(word.hasPrefix("edge-x; hit; ttl=") && !word.contains(",")) }
            for answer in answers { #expect(answer.headers["needletail-came-by"] == nil) }
            #expect(origin.requests(for: "/kept").map { $0.values("via") } == [["1.1 edge-x"]])
            for answer in try each("\(base)/kept", { try curl($0, "-r", "10-13") }) { #expect(answer.text == "0123") }
            for answer in try each("\(base)/kept", { try curl($0, "-H", "If-None-Match: \"1\"") }) {
                #expect(answer.status == 304)
            }
            for answer in try each("\(base)/kept", { try curl($0, "-I") }) {
                #expect(answer.headers["content-length"] == "600000")
            }
            #expect(origin.requests(for: "/kept").count == 1)

            // What is nobody else's is asked each time, and the answer says so.
            for answer in try each("\(base)/own") {
                #expect(answer.text == "own" && answer.headers["cache-status"]?.contains("fwd=") == true)
            }
            #expect(origin.requests(for: "/own").count == 8)
            #expect(origin.requests(for: "/own").allSatisfy { $0.values("via") == ["1.1 edge-x"] })

            // An unsafe method and a purge reach every loop.
            #expect(try curl("\(base)/made", "-d", "x").status == 201)
            _ = try eventually("no loop holds /kept any more") {
                _ = try curl("\(base)/kept")
                return origin.requests(for: "/kept").count == 2 ? true : nil
            }
            _ = try each("\(base)/kept")
            #expect(origin.requests(for: "/kept").count == 2)
            let purge = "http://127.0.0.1:\(try Fleet.port("admin", of: edge))/v1/purge?url=/kept"
            let purged = try curl(purge, "-X", "POST", "-H", "Authorization: Bearer \(token)")
            #expect(purged.text == "{\"purged\":1,\"mode\":\"hard\",\"url\":\"/kept\"}\n")
            let before = try metrics(of: base, "needletail_edge_requests_total")
            _ = try each("\(base)/kept")
            #expect(origin.requests(for: "/kept").count == 3)
            #expect(try metrics(of: base, "needletail_edge_requests_total") == before + 8)

            // Whichever loop is asked tells of all.
            let counted = try (0..<4).map { _ in
                try metrics(of: base, "needletail_http_connections_accepted_total")
            }
            #expect(counted == counted.sorted() && Set(counted).count == 4)
        }

        @Test func whatIsLiveCrossesToEveryLoop() throws {
            let fleet = try Fleet(edge: ["cores=3"])
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let edge = "http://127.0.0.1:\(fleet.edgePort)"
            let playlist = "\(edge)/live/demo/video/playlist.m3u8"
            _ = try fleet.waitForSegments("video", count: 2)
            _ = try eventually("every loop is pushed: \(fleet.edge.text)") {
                let answers = try each(playlist)
                let arePushed = answers.allSatisfy { $0.headers["cache-status"]?.contains("detail=pushed") == true }
                return arePushed ? true : nil
            }
            let origin = "http://127.0.0.1:\(fleet.originPort)"
            #expect(try metrics(of: origin, "needletail_origin_subscriptions") == 1)
            #expect(try metrics(of: edge, "needletail_edge_subscriptions") == 0)
            let asked = try metrics(of: edge, "needletail_edge_upstream_fetches_total")
            for _ in 0..<3 {
                let state = try MediaPlaylist(parsing: try curl(playlist).body)
                let position = try #require(state.position)
                // Held on every loop at once, released by one publish.
                let url = "\(playlist)?_HLS_msn=\(position.sequence)&_HLS_part=\(position.part + 1)"
                let held = try run(
                    "sh", ["-c", "for i in 1 2 3 4 5 6; do curl -sf '\(url)' >held.$i & done; wait"],
                    in: fleet.directory)
                #expect(held.status == 0)
                for index in 1...6 {
                    let body = try Data(contentsOf: fleet.directory.appendingPathComponent("held.\(index)"))
                    let newer = try MediaPlaylist(parsing: body)
                    #expect(try #require(newer.position) > position)
                    // The barrier: what one loop lists every loop has.
                    for part in newer.segments.suffix(2).flatMap(\.parts).suffix(3) {
                        let here = try curl("\(edge)/live/demo/video/\(part.uri)")
                        #expect(here.status == 200)
                        #expect(here.headers["cache-status"]?.contains("detail=pushed") == true)
                    }
                }
            }
            #expect(try metrics(of: edge, "needletail_edge_upstream_fetches_total") == asked)
            #expect(try metrics(of: edge, "needletail_edge_parked_requests") == 0)
        }

        /// One loop where the process may run on one core: `cores: auto` heeds `taskset` and cpusets.
        @Test func itTakesAsManyLoopsAsItMayUseCores() throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let arguments = ["edge", "--http", "127.0.0.1:0", "--set", "upstreams.0.url=http://127.0.0.1:1"]
            func loops(_ command: [String], _ settings: [String] = []) throws -> Int {
                let words = command + [Fleet.program] + arguments + settings.flatMap { ["--set", $0] }
                let edge = try ChildProcess(
                    words[0], Array(words.dropFirst()), in: directory, name: UUID().uuidString, patience: 10)
                defer { edge.stop() }
                _ = try Fleet.port("http", of: edge)
                let tasks = "/proc/\(edge.processIdentifier)/task"
                return try FileManager.default.contentsOfDirectory(atPath: tasks).count { task in
                    (try? String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8))?.hasPrefix("NIO-ELT-")
                        == true
                }
            }
            #expect(try loops(["taskset", "-c", "0"]) == 1)
            #expect(try loops(["taskset", "-c", "0"], ["cores=3"]) == 3)
        }
    }
}

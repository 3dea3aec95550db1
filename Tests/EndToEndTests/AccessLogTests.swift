import Foundation
import Harness
import Testing

/// The access logs of a real origin and edge, beside what curl and h2load saw.
extension EndToEnd {
    @Suite(.serialized) struct AccessLogTests {
        private func lines(_ file: URL) throws -> [[String: Any]] {
            let text = try String(contentsOf: file, encoding: .utf8)
            #expect(text.hasSuffix("\n"))
            return try text.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
            }
        }

        /// Cache-Status of an answer as the log has it: without the cache's name and what changes from answer to answer.
        private func words(_ answer: Answer) -> String? {
            let kept = answer.headers["cache-status"]?.components(separatedBy: "; ").dropFirst().filter {
                !$0.hasPrefix("ttl=") && !$0.hasPrefix("fwd-status=") && $0 != "stored"
            }
            return kept?.joined(separator: "; ")
        }

        @Test(arguments: ["auto", "off"]) func linesSayWhatClientsSaw(push: String) throws {
            let fleet = try Fleet(
                origin: ["access_log.path=origin.access"],
                edge: ["access_log.path=edge.access", "upstreams.0.push=\(push)"])
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video")
            let url = "https://127.0.0.1:\(fleet.edgeTLSPort)/live/demo/video/playlist.m3u8"
            let file = fleet.directory.appendingPathComponent("edge.access")

            if push == "auto" {
                _ = try eventually("pushes: \(fleet.edge.text)") {
                    try curl(url).headers["cache-status"]?.contains("pushed") == true ? true : nil
                }
            }
            // Blocking reloads, each named by its agent.
            var seen: [String: (answer: Answer, seconds: Double)] = [:]
            // Each goes on where the one before ended: a playlist without directives may be a little old.
            var playlist = try curl(url, "-A", "plain")
            seen["plain"] = (playlist, .infinity)
            for round in 0..<4 {
                let hint = try #require(
                    playlist.text.firstMatch(of: /PRELOAD-HINT:TYPE=PART,URI="[^"]+\/(\d+)\.(\d+)\.m4s"/))
                let started = Date()
                let reload = try curl(
                    "\(url)?_HLS_msn=\(hint.1)&_HLS_part=\(hint.2)", "-A", "blocked-\(round)",
                    round % 2 == 0 ? "--http2" : "--http1.1", "-e", "http://page/\"ä")
                seen["blocked-\(round)"] = (reload, Date().timeIntervalSince(started))
                playlist = reload
            }
            // One that its client leaves.
            _ = try curl("\(url)?_HLS_part=1", "-A", "absurd")
            let left = try curl(url, "-A", "plain-4")
            let hint = try #require(left.text.firstMatch(of: /PRELOAD-HINT:TYPE=PART,URI="[^"]+\/(\d+)\.(\d+)\.m4s"/))
            let msn = try #require(Int(hint.1)) + 1
            _ = try curl("\(url)?_HLS_msn=\(msn)&_HLS_part=0", "-A", "leaver", "--max-time", "0.2")

            // Others meanwhile, and a name that moves: no line of them is lost.
            let (h2, h1) = (300, 200)
            for (index, arguments) in [["-n", "\(h2)"], ["-n", "\(h1)", "--h1"]].enumerated() {
                let made = try run(
                    "h2load", arguments + ["-c", "4", "http://127.0.0.1:\(fleet.edgePort)/healthz?\(index)"])
                #expect(made.status == 0, "\(made.errors)")
                if index == 0 {
                    try FileManager.default.moveItem(at: file, to: file.appendingPathExtension("1"))
                    kill(fleet.edge.processIdentifier, SIGUSR1)
                }
            }
            let metrics = try curl("http://127.0.0.1:\(fleet.edgePort)/metrics").text
            fleet.edge.stop()
            fleet.origin.stop()
            let told = try lines(file.appendingPathExtension("1")) + lines(file)

            func named(_ agent: String) -> [[String: Any]] { told.filter { $0["user_agent"] as? String == agent } }
            for (agent, (answer, seconds)) in seen {
                let found = named(agent)
                try #require(found.count == 1, "\(agent): \(found)")
                let line = found[0]
                #expect(line["status"] as? Int == answer.status)
                #expect(line["bytes"] as? Int == answer.body.count)
                #expect(line["cache"] as? String == words(answer), "\(agent): \(answer.headers) \(line)")
                #expect(line["protocol"] as? String == (answer.version == "HTTP/2" ? "h2" : "http/1.1"))
                #expect(line["tls"] as? Bool == true && line["end"] as? String == "whole")
                guard agent.hasPrefix("blocked") else { continue }
                #expect(line["referer"] as? String == "http://page/\"ä")
                // A part was not there yet and then was: it was held, and no longer than its client waited.
                let duration = try #require(line["duration_ms"] as? Double)
                // The first may be of a playlist that was a little old, without pushes.
                if agent == "blocked-0" && push == "off" { continue }
                let held = try #require(line["hold_ms"] as? Double, "\(line)")
                #expect(held > 0 && held <= duration && held <= seconds * 1_000, "\(line) \(seconds)")
                #expect((line["upstream_ms"] is Double) == (push == "off"), "\(line)")
                #expect(answer.headers["cache-status"]?.contains("pushed") == (push == "auto"))
            }
            #expect(named("absurd").map { $0["status"] as? Int } == [400])
            let leaver = try #require(named("leaver").first)
            #expect(leaver["status"] is NSNull && leaver["end"] as? String == "gone" && leaver["hold_ms"] is Double)
            #expect(told.count { $0["target"] as? String == "/healthz?0" } == h2)
            #expect(told.count { $0["target"] as? String == "/healthz?1" } == h1)
            #expect(metrics.contains(/needletail_http_hold_seconds_count\{result="(push|miss|coalesced)"\} [1-9]/))
            #expect(
                metrics.contains(/needletail_http_request_duration_seconds_bucket\{result="none",le="\+Inf"\} \d{3}/))
            #expect(metrics.contains("needletail_access_log_dropped_total 0"))
            #expect(metrics.contains("needletail_http_upstream_seconds_count"))

            // The origin's own: its holds are known there when it is asked.
            let origin = try lines(fleet.directory.appendingPathComponent("origin.access"))
            let relayed = origin.filter { ($0["target"] as? String)?.hasPrefix("/relay/") == true }
            #expect(relayed.isEmpty == (push == "off"))
            if push == "off" { #expect(origin.contains { $0["hold_ms"] is Double && $0["status"] as? Int == 200 }) }
        }

        /// A disk that takes no more costs lines, told and counted, and no viewer anything.
        @Test func onAFullDiskLinesAreDroppedAndNobodyElseNotices() throws {
            let fleet = try Fleet()
            let limited = try ChildProcess(
                "sh",
                [
                    "-c", "ulimit -f 64; exec \"$0\" \"$@\"", Fleet.program, "edge", "--http", "127.0.0.1:0", "--set",
                    "upstreams.0.url=http://127.0.0.1:\(fleet.originPort)", "--set", "access_log.path=full.access",
                    "--set", "access_log.format=combined",
                ], in: fleet.directory, name: "limited", patience: 10)
            defer { limited.stop() }
            let port = try Fleet.port("http", of: limited)
            let made = try run("h2load", ["-n", "4000", "-c", "4", "-m", "10", "http://127.0.0.1:\(port)/healthz"])
            #expect(String(decoding: made.output, as: UTF8.self).contains("4000 succeeded, 0 failed"))
            _ = try limited.line(with: "access log lines dropped", "File too large")
            let metrics = try curl("http://127.0.0.1:\(port)/metrics").text
            #expect(metrics.contains(/needletail_access_log_dropped_total [1-9]/))
            let bytes = try Data(contentsOf: fleet.directory.appendingPathComponent("full.access"))
            // 64 blocks of 512 bytes.
            #expect((30_000...32_768).contains(bytes.count) && bytes.last == 0x0a)
        }
    }
}

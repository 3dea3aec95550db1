import Foundation
import HLS
import Harness
import Testing

/// Publishers that fall off the line and come back, with real ones: killed, silent, taking their leave.
extension EndToEnd {
    @Suite(.serialized) struct ReturnTests {
        private static let parts = "{part: 200ms, segment: 1s, maximum_segment: 2s, window: 20s}"

        private func url(_ fleet: Fleet, _ rendition: String = "video") -> String {
            "http://127.0.0.1:\(fleet.edgePort)/live/demo/\(rendition)/playlist.m3u8"
        }

        /// The linter watches an edge while the publisher is killed, comes back and takes its leave: no rule is broken.
        @Test func aKilledPublisherComesBackToTheSamePlaylist() throws {
            let fleet = try Fleet(packaging: Self.parts)
            let first = try fleet.publish()
            _ = try fleet.waitForChannel()
            _ = try fleet.waitForSegments("video")
            func playlist(_ rendition: String = "video") throws -> MediaPlaylist {
                try MediaPlaylist(parsing: try curl(url(fleet, rendition)).text.utf8)
            }
            let certificate = fleet.directory.appendingPathComponent("cert.pem").path
            let watches = try [
                ("h1", "http://127.0.0.1:\(fleet.edgePort)", ["--http1"]),
                ("h2", "https://127.0.0.1:\(fleet.edgeTLSPort)", ["--ca", certificate]),
            ].map { name, edge, arguments in
                try ChildProcess(
                    Fleet.program,
                    ["lint", "\(edge)/live/demo/index.m3u8", "--json", "--seconds", "60", "--slack", "5"] + arguments,
                    in: fleet.directory, name: "lint-\(name)", patience: 10)
            }
            let begun = try #require(try playlist().segments.last?.sequence)
            _ = try eventually("two segments more") {
                try playlist().segments.last?.sequence ?? 0 > begun + 1 ? true : nil
            }
            first.kill()
            let lost = try eventually("a gap: \(fleet.origin.text)") { () -> MediaPlaylist? in
                let playlist = try playlist()
                return playlist.segments.contains { $0.isGap } ? playlist : nil
            }
            #expect(lost.discontinuityCount == 0 && !lost.hasEnded)
            #expect(try curl("http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8").status == 200)

            _ = try fleet.publish(seconds: 3, name: "again").waitForExit()
            let ended = try eventually("the end: \(fleet.origin.text)") { () -> MediaPlaylist? in
                let playlist = try playlist()
                return playlist.hasEnded ? playlist : nil
            }
            #expect(ended.discontinuityCount == 1 && ended.segments.contains { $0.isGap })
            #expect(Set(ended.segments.compactMap(\.map?.uri)).count == 1, "the same epoch, the same init section")
            #expect(try playlist("audio").discontinuityCount == 1)
            #expect(fleet.origin.text.contains("publisher lost") && fleet.origin.text.contains("publisher returned"))
            for watch in watches {
                _ = try eventually("the lint ends: \(watch.text)", within: 20) { watch.isRunning ? nil : true }
                let output = try LintOutput(watch.text)
                // 6.2.6 lets a server withdraw a hint where the planned segmentation changes.
                #expect(output.broken.allSatisfy { $0.rule == "hintedPartPublished" }, "\(output.broken)")
                for rule in [
                    "partDuration", "segmentDuration", "segmentIsItsParts", "mediaStays", "endedAnswersAtOnce",
                ] {
                    #expect(output.verdict(of: rule) == "pass", "\(rule)")
                }
            }
        }

        @Test func afterTheWindowThePlaylistEndsThenGoesAndANewOneCountsOn() throws {
            let fleet = try Fleet(
                packaging: "{part: 200ms, segment: 1s, maximum_segment: 1s, window: 3s}",
                origin: ["reconnect.window=1s"])
            let first = try fleet.publish()
            _ = try fleet.waitForChannel()
            _ = try fleet.waitForSegments("video")
            first.kill()
            let local = "http://127.0.0.1:\(fleet.originPort)/live/demo/video/"
            let ended = try eventually("the end: \(fleet.origin.text)") {
                let playlist = try MediaPlaylist(parsing: try curl(local + "playlist.m3u8").text.utf8)
                return playlist.hasEnded ? playlist : nil
            }
            let kept = try #require(ended.segments.first { !$0.isGap }?.uri)
            #expect(try curl(local + kept).status == 200)
            _ = try eventually("404") { try curl(local + "playlist.m3u8").status == 404 ? true : nil }
            #expect(try curl(local + kept).status == 404)

            let again = try fleet.publish(name: "again")
            defer { again.stop() }
            let fresh = try eventually("a new epoch") {
                let answer = try curl(local + "playlist.m3u8")
                return answer.status == 200 ? try MediaPlaylist(parsing: answer.text.utf8) : nil
            }
            #expect(fresh.mediaSequence > ended.segments.last?.sequence ?? .max)
            #expect(fresh.discontinuitySequence ?? 0 > ended.segments.last?.discontinuitySequence ?? .max)
            let epoch = { (playlist: MediaPlaylist) in playlist.segments.first?.map?.uri.split(separator: "/").first }
            #expect(epoch(fresh) != epoch(ended))
        }

        @Test func chromiumPlaysAgainAfterEachReturn() throws {
            let fleet = try Fleet(packaging: Self.parts)
            var publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            let browser = try Browser(in: fleet.directory)
            try browser.open("http://127.0.0.1:\(fleet.edgePort)/watch/demo")
            func frames() throws -> Int { try browser.evaluate("return window.needletail.frames") as? Int ?? 0 }
            _ = try eventually("moving frames", within: 60) { try frames() > 30 ? true : nil }
            for round in 1...4 {
                publisher.kill()
                _ = try eventually("a gap: \(fleet.origin.text)") {
                    try curl(url(fleet)).text.components(separatedBy: "GAP=YES").count > 2 ? true : nil
                }
                publisher = try fleet.publish(name: "publisher-\(round)")
                _ = try eventually("publish \(round)") {
                    fleet.origin.text.components(separatedBy: "publisher returned").count > round ? true : nil
                }
                let seen = try frames()
                _ = try eventually("frames in round \(round): \(fleet.edge.text)", within: 40) {
                    try frames() > seen + 60 ? true : nil
                }
            }
            #expect(try browser.evaluate("return window.needletail.state") as? String == "playing")
        }

        /// Killed as it stands, the origin goes on where it was: viewers and edges come back by themselves, everything that
        /// was listed is there still, and no rule is broken.
        @Test func aKilledOriginGoesOnAndChromiumPlaysAgain() throws {
            let fleet = try Fleet(packaging: Self.parts)
            let first = try fleet.publish()
            _ = try fleet.waitForChannel()
            let before = try MediaPlaylist(parsing: try fleet.waitForSegments("video").utf8)
            let browser = try Browser(in: fleet.directory)
            try browser.open("http://127.0.0.1:\(fleet.edgePort)/watch/demo")
            func frames() throws -> Int { try browser.evaluate("return window.needletail.frames") as? Int ?? 0 }
            _ = try eventually("moving frames", within: 60) { try frames() > 30 ? true : nil }
            let watches = try [("origin", fleet.originPort), ("edge", fleet.edgePort)].map { name, port in
                try ChildProcess(
                    Fleet.program,
                    [
                        "lint", "http://127.0.0.1:\(port)/live/demo/index.m3u8", "--json", "--seconds", "15", "--slack",
                        "5",
                    ], in: fleet.directory, name: "lint-\(name)", patience: 10)
            }
            let local = "http://127.0.0.1:\(fleet.originPort)/live/demo/video/playlist.m3u8"
            let seenFirst = try MediaPlaylist(parsing: try curl(local).text.utf8)
            _ = try eventually("two segments more") {
                try MediaPlaylist(parsing: try curl(local).text.utf8).segments.last?.sequence ?? 0
                    > (seenFirst.segments.last?.sequence ?? 0) + 2 ? true : nil
            }
            let listed = try MediaPlaylist(parsing: try curl(local).text.utf8)

            try fleet.restartOrigin(killed: true)
            first.kill()
            let waiting = try MediaPlaylist(parsing: try curl(local).text.utf8)
            #expect(waiting.mediaSequence == listed.mediaSequence, "everything is listed still")
            for segment in listed.segments.dropLast() {
                #expect(try curl("\(local)/../\(segment.uri ?? "")").status == 200, "\(segment.uri ?? "")")
            }
            let again = try fleet.publish(name: "again")
            defer { again.stop() }
            let after = try eventually("media again: \(fleet.origin.text)") { () -> MediaPlaylist? in
                let playlist = try MediaPlaylist(parsing: try curl(local).text.utf8)
                return playlist.segments.last?.parts.last?.isGap == false ? playlist : nil
            }
            #expect(after.segments.contains { $0.sequence == listed.segments.last?.sequence })
            #expect(after.segments.last?.map == before.segments.last?.map, "the same epoch")
            #expect(
                after.segments.last?.discontinuitySequence == (listed.segments.last?.discontinuitySequence ?? 0) + 1)
            let seen = try frames()
            _ = try eventually("frames after the restart: \(fleet.edge.text)", within: 60) {
                try frames() > seen + 60 ? true : nil
            }
            for (index, watch) in watches.enumerated() {
                _ = try eventually("the lint ends: \(watch.text)", within: 20) { watch.isRunning ? nil : true }
                let output = try LintOutput(watch.text)
                // At the origin requests under way die with it. A segment that the return cut short takes its hint back.
                let expected = ["hintedPartPublished"] + (index == 0 ? ["playlistReadable"] : [])
                let broken = output.broken.filter { !expected.contains($0.rule) }
                #expect(broken.isEmpty, "\(broken)")
                for rule in ["mediaStays", "threeTargetsRemain", "segmentIsItsParts", "segmentsUnchanged"] {
                    #expect(output.verdict(of: rule) == "pass", "\(rule)")
                }
            }
        }

        /// One encoder that sends the same to several origins, and goes on when one of them is gone.
        private func publish(to fleets: [Fleet], seconds: Int) throws -> ChildProcess {
            let outputs = fleets.map { "[f=flv:onfail=ignore]rtmp://127.0.0.1:\($0.rtmpPort)/live/demo" }
            return try ChildProcess(
                "ffmpeg",
                ["-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"]
                    + ["-re", "-f", "lavfi", "-i", "sine=sample_rate=48000"] + Fleet.x264
                    + ["-c:a", "aac", "-flags", "+global_header", "-map", "0:v", "-map", "1:a", "-t", "\(seconds)"]
                    + ["-f", "tee", outputs.joined(separator: "|")], in: fleets[0].directory, name: "tee")
        }

        /// The edge goes on with the other of two origins that are fed by one encoder, in the middle of its holds: no rule is
        /// broken, and there is neither gap nor discontinuity.
        @Test func anEdgeChangesBetweenTwinOrigins() throws {
            let book = FileManager.default.temporaryDirectory.appendingPathComponent("book-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: book) }
            let twins = [
                try Fleet(packaging: Self.parts, origin: ["epoch_book=\(book)"]),
                try Fleet(packaging: Self.parts, origin: ["epoch_book=\(book)"]),
            ]
            let edge = try EdgeNode(
                "between", upstreams: twins.map(\.originTLSPort), in: twins[0].directory,
                settings: ["upstreams.1.ca=\(twins[1].directory.appendingPathComponent("cert.pem").path)"])
            let encoder = try publish(to: twins, seconds: 30)
            defer { encoder.stop() }
            let url = "\(edge.url)/live/demo/video/playlist.m3u8"
            func playlist() throws -> MediaPlaylist? {
                let answer = try curl(url)
                return answer.status == 200 ? try MediaPlaylist(parsing: answer.text.utf8) : nil
            }
            func follow(_ count: Int) throws {
                let begun = try eventually("the channel: \(edge.process.text)") {
                    try playlist()?.segments.last?.sequence
                }
                _ = try eventually("segments: \(edge.process.text)") {
                    try playlist()?.segments.last?.sequence ?? 0 >= begun + Int64(count) ? true : nil
                }
            }
            try follow(2)
            let watch = try ChildProcess(
                Fleet.program,
                ["lint", "\(edge.url)/live/demo/index.m3u8", "--json", "--seconds", "10", "--slack", "5"],
                in: twins[0].directory, name: "lint", patience: 10)
            try follow(3)
            twins[0].origin.kill()
            _ = try edge.process.line(with: "channel moved to another upstream")
            try follow(3)
            _ = try eventually("the lint ends: \(watch.text)", within: 20) { watch.isRunning ? nil : true }
            let output = try LintOutput(watch.text)
            #expect(output.broken.isEmpty, "\(output.broken)")
            #expect(output.verdict(of: "partsOnTime") == "pass" && output.verdict(of: "hintDelivered") == "pass")
            let after = try #require(try playlist())
            #expect(after.discontinuityCount == 0 && !after.segments.contains { $0.isGap })
        }

        /// One encoder, two origins that share an epoch book: every playlist and every part is the same on both.
        @Test func twinOriginsServeTheSameBytes() throws {
            let book = FileManager.default.temporaryDirectory.appendingPathComponent("book-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: book) }
            let twins = [
                try Fleet(packaging: Self.parts, origin: ["epoch_book=\(book)"]),
                try Fleet(packaging: Self.parts, origin: ["epoch_book=\(book)"]),
            ]
            let encoder = try publish(to: twins, seconds: 6)
            encoder.waitForExit()
            for rendition in ["video", "audio"] {
                let texts = try twins.map { twin in
                    let url = "http://127.0.0.1:\(twin.originPort)/live/demo/\(rendition)/playlist.m3u8"
                    return try eventually("the end: \(twin.origin.text) \(encoder.text)") { () -> String? in
                        let text = try curl(url).text
                        return text.contains("#EXT-X-ENDLIST") ? text : nil
                    }
                }
                #expect(texts[0] == texts[1], "\(rendition)")
                let playlist = try MediaPlaylist(parsing: texts[0].utf8)
                let names = playlist.segments.flatMap { segment in
                    [segment.map?.uri, segment.uri].compactMap(\.self) + segment.parts.map(\.uri)
                }
                #expect(names.count > 20)
                for name in Set(names) {
                    let bodies = try twins.map {
                        try curl("http://127.0.0.1:\($0.originPort)/live/demo/\(rendition)/\(name)")
                    }
                    #expect(bodies.allSatisfy { $0.status == 200 } && bodies[0].body == bodies[1].body, "\(name)")
                }
            }
            let indexes = try twins.map { try curl("http://127.0.0.1:\($0.originPort)/live/demo/index.m3u8").text }
            #expect(indexes[0] == indexes[1])
        }

        /// ffmpeg takes its leave at the end of its input, as OBS does at "Stop streaming".
        @Test(arguments: ["end", "wait"]) func aPublisherThatTakesItsLeave(onEnd: String) throws {
            let fleet = try Fleet(packaging: Self.parts, origin: ["reconnect.on_end=\(onEnd)"])
            let publisher = try fleet.publish(seconds: 3)
            _ = try fleet.waitForChannel()
            publisher.waitForExit()
            let playlist = try eventually("the end or gaps") { () -> MediaPlaylist? in
                let playlist = try MediaPlaylist(
                    parsing: try curl("http://127.0.0.1:\(fleet.originPort)/live/demo/video/playlist.m3u8").text.utf8)
                return playlist.hasEnded || playlist.segments.last?.parts.last?.isGap == true ? playlist : nil
            }
            #expect(playlist.hasEnded == (onEnd == "end"))
        }
    }
}

extension MediaPlaylist {
    fileprivate var discontinuityCount: Int { segments.count(where: \.isDiscontinuity) }
}

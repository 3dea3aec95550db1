import Foundation
import Harness
import Testing

/// The walk of a frame with real parts all the way: ffmpeg, the program's origin and edge, curl, ffprobe, Chromium.
extension EndToEnd {
    @Suite(.serialized) struct WalkTests {
        @Test func everyByteOfTheEdgeIsTheOrigins() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let multivariant = try fleet.waitForChannel()
            #expect(multivariant.contains("CODECS=\"avc1."))
            #expect(multivariant.contains("RESOLUTION=320x180"))
            #expect(multivariant.contains("FRAME-RATE=30.000"))

            for rendition in ["video", "audio"] {
                let path = "/live/demo/\(rendition)"
                let playlist = try eventually("a whole segment") {
                    let text = try curl("http://127.0.0.1:\(fleet.edgePort)\(path)/playlist.m3u8").text
                    return text.contains("#EXTINF") ? text : nil
                }
                let names =
                    playlist.matches(of: /URI="([^"]+\.(?:mp4|m4s))"/).map { String($0.1) }
                    + playlist.split(separator: "\n").filter { $0.hasSuffix(".m4s") }.map(String.init)
                #expect(names.count > 8)
                for name in names {
                    let here = try curl("https://127.0.0.1:\(fleet.edgeTLSPort)\(path)/\(name)")
                    let there = try curl("http://127.0.0.1:\(fleet.originPort)\(path)/\(name)")
                    #expect(here.status == 200 && there.status == 200, "\(name)")
                    #expect(here.body == there.body && !here.body.isEmpty, "\(name)")
                }
            }
        }

        @Test func bothVersionsOfHTTPAreSpokenInTheClearAndOverTLS() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            let clear = "http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8"
            let secure = "https://127.0.0.1:\(fleet.edgeTLSPort)/live/demo/index.m3u8"
            let rows = [
                (try curl(clear, "--http1.1"), "HTTP/1.1"), (try curl(clear, "--http2-prior-knowledge"), "HTTP/2"),
                (try curl(secure, "--http1.1"), "HTTP/1.1"), (try curl(secure, "--http2"), "HTTP/2"),
            ]
            for (answer, version) in rows {
                #expect(answer.status == 200)
                #expect(answer.version == version)
                #expect(answer.headers["access-control-allow-origin"] == "*")
                #expect(answer.headers["age"] != nil)
            }
        }

        @Test func aBlockedReloadIsAnsweredWithWhatItWaitedFor() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            let url = "http://127.0.0.1:\(fleet.edgePort)/live/demo/video/playlist.m3u8"
            let hint = try #require(
                try curl(url).text.firstMatch(of: /PRELOAD-HINT:TYPE=PART,URI="[^\/]+\/(\d+)\.(\d+)\.m4s"/))
            let held = try curl("\(url)?_HLS_msn=\(hint.1)&_HLS_part=\(hint.2)&CMCD=ot%3Dm")
            #expect(held.status == 200)
            #expect(held.text.contains("/\(hint.1).\(hint.2).m4s\""))
            #expect(try curl("\(url)?_HLS_part=1").status == 400)
            #expect(try curl("\(url)?_HLS_msn=99999999999").status == 400)
            #expect(try curl("\(url)?_HLS_msn=1").status == 200)
            let gzipped = try curl(url, "--compressed")
            #expect(gzipped.headers["content-encoding"] == "gzip")
            #expect(gzipped.text.hasPrefix("#EXTM3U"))
            let index = try curl("http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8", "--compressed")
            #expect(index.headers["content-encoding"] == "gzip" && index.text.hasPrefix("#EXTM3U"))
        }

        @Test func ffprobeFindsBothTracksThroughTheEdge() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish(video: [
                "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-pix_fmt", "yuv420p", "-g", "60",
            ])
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            // ffprobe 5.1 knows no parts, and crashes on a playlist that lists no whole segment yet.
            for rendition in ["video", "audio"] {
                _ = try eventually("a whole segment") {
                    let url = "http://127.0.0.1:\(fleet.edgePort)/live/demo/\(rendition)/playlist.m3u8"
                    return try curl(url).text.contains("#EXTINF") ? true : nil
                }
            }
            let probe = try run(
                "ffprobe",
                [
                    "-v", "error", "-read_intervals", "%+3", "-show_entries",
                    "stream=codec_name,width,sample_rate:packet=pts_time,dts_time,stream_index", "-of", "json",
                    "http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8",
                ])
            #expect(probe.status == 0, "\(probe.status) \(probe.errors) \(fleet.edge.text)")
            let found = try #require(try JSONSerialization.jsonObject(with: probe.output) as? [String: Any])
            let streams = try #require(found["streams"] as? [[String: Any]])
            #expect(Set(streams.compactMap { $0["codec_name"] as? String }) == ["h264", "aac"])
            #expect(probe.errors.isEmpty, "\(probe.errors)")
            let packets = try #require(found["packets"] as? [[String: Any]])
            for stream in streams.indices {
                let times = packets.filter { $0["stream_index"] as? Int == stream }
                    .compactMap { ($0["dts_time"] as? String).flatMap(Double.init) }
                #expect(times.count > 30)
                #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 }, "decode times rise")
            }
        }

        /// In the clear Chromium speaks HTTP/1.1, over TLS HTTP/2.
        @Test(arguments: [false, true]) func chromiumPlaysAndShowsItsLatency(isSecure: Bool) throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            let browser = try Browser(in: fleet.directory)
            let base = isSecure ? "https://127.0.0.1:\(fleet.edgeTLSPort)" : "http://127.0.0.1:\(fleet.edgePort)"
            try browser.open("\(base)/watch/demo")
            let latency = try eventually("moving frames: \(fleet.edge.text)", within: 100) { () -> Double? in
                let numbers = try browser.evaluate("return window.needletail") as? [String: Any]
                guard (numbers?["frames"] as? Int ?? 0) > 45 else { return nil }
                return numbers?["latency"] as? Double
            }
            #expect(latency > 0 && latency < 10)
            let protocols = try browser.evaluate(
                """
                return Array.from(new Set(performance.getEntriesByType("resource")
                    .filter(entry => entry.name.includes("/live/") && entry.nextHopProtocol)
                    .map(entry => entry.nextHopProtocol)));
                """)
            #expect(protocols as? [String] == [isSecure ? "h2" : "http/1.1"])
            let player = try browser.evaluate("return window.needletail.player") as? String
            #expect(player?.hasPrefix("hls.js") == true)
            #expect(
                try browser.evaluate("return document.getElementById('latency').textContent.includes(' s')") as? Bool
                    == true)
            // The picture itself: two moments of it differ, and it is not black.
            let sum = """
                const v = document.getElementById('video'), c = document.createElement('canvas');
                c.width = 64; c.height = 36; const x = c.getContext('2d'); x.drawImage(v, 0, 0, 64, 36);
                return Array.from(x.getImageData(0, 0, 64, 36).data).reduce((a, b, i) => a + b * (i % 251), 0);
                """
            let first = try #require(try browser.evaluate(sum) as? Double)
            #expect(first > 100_000)
            _ = try eventually("a different picture") { try browser.evaluate(sum) as? Double != first ? true : nil }
            // And the sound: its decoder goes on.
            let sound = "return document.querySelector('video').webkitAudioDecodedByteCount"
            let heard = try #require(try browser.evaluate(sound) as? Int)
            _ = try eventually("more sound than \(heard) bytes") {
                try browser.evaluate(sound) as? Int ?? 0 > heard + 10_000 ? true : nil
            }
        }
    }
}

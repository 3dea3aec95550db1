import Foundation
import HLS
import Harness
import Testing

/// The origin's own answers, with real parts all the way: the program, ffmpeg and curl.
extension EndToEnd {
    @Suite(.serialized) struct OriginAnswerTests {
        /// Appendix B.1 and 6.2.5, over both versions of HTTP, video and audio.
        @Test(arguments: ["--http1.1", "--http2-prior-knowledge"]) func everyAnswerSaysHowLongItMayBeKept(
            version: String
        ) throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video", count: 2)
            let base = "http://127.0.0.1:\(fleet.originPort)/live/demo"
            for rendition in ["video", "audio"] {
                let playlist = try curl("\(base)/\(rendition)/playlist.m3u8", version)
                let hint = try #require(
                    playlist.text.firstMatch(of: /PRELOAD-HINT:TYPE=PART,URI="([^"]+\/(\d+)\.(\d+)\.m4s)"/))
                let map = try #require(playlist.text.firstMatch(of: /EXT-X-MAP:URI="([^"]+)"/))
                let (msn, part) = (try #require(Int(hint.2)), try #require(Int(hint.3)))
                let other = rendition == "video" ? "audio" : "video"
                #expect(playlist.text.contains("RENDITION-REPORT:URI=\"../\(other)/playlist.m3u8\",LAST-MSN="))
                let text = "application/vnd.apple.mpegurl"
                let rows: [(path: String, status: Int, cache: String, type: String)] = [
                    ("index.m3u8", 200, "max-age=2", text),
                    ("\(rendition)/playlist.m3u8", 200, "max-age=2", text),
                    ("\(rendition)/playlist.m3u8?_HLS_skip=YES", 200, "max-age=2", text),
                    ("\(rendition)/playlist.m3u8?_HLS_msn=\(msn)&_HLS_part=\(part)", 200, "max-age=24", text),
                    ("\(rendition)/playlist.m3u8?_HLS_msn=\(msn + 1)", 200, "max-age=24", text),
                    ("\(rendition)/playlist.m3u8?_HLS_msn=1", 200, "max-age=24", text),
                    ("\(rendition)/\(map.1)", 200, "max-age=3600, immutable", "\(rendition)/mp4"),
                    ("\(rendition)/\(hint.1)", 200, "max-age=3600, immutable", "\(rendition)/mp4"),
                    ("\(rendition)/playlist.m3u8?_HLS_part=1", 400, "max-age=4", "application/problem+json"),
                    ("\(rendition)/playlist.m3u8?_HLS_msn=\(msn + 99)", 400, "no-store", "application/problem+json"),
                    ("\(rendition)/nothing.m4s", 404, "no-store", "application/problem+json"),
                ]
                for row in rows {
                    let answer = try curl("\(base)/\(row.path)", version)
                    #expect(answer.status == row.status, "\(row.path)")
                    #expect(answer.headers["cache-control"] == row.cache, "\(row.path)")
                    #expect(answer.headers["content-type"] == row.type, "\(row.path)")
                    #expect(answer.headers["access-control-allow-origin"] == "*", "\(row.path)")
                    #expect(answer.headers["content-length"] == "\(answer.body.count)", "\(row.path)")
                    #expect(answer.headers["date"] != nil && !answer.body.isEmpty, "\(row.path)")
                }
                let zipped = try curl("\(base)/index.m3u8", version, "--compressed")
                #expect(zipped.headers["content-encoding"] == "gzip")
                #expect(zipped.text.hasPrefix("#EXTM3U"))
                let head = try curl("\(base)/\(rendition)/\(map.1)", version, "-I")
                #expect(head.status == 200 && head.headers["content-type"] == "\(rendition)/mp4")
                let options = try curl("\(base)/\(rendition)/playlist.m3u8", version, "-X", "OPTIONS")
                #expect(options.status == 204)
            }
        }

        /// 6.2.1: parts of the open segment are listed as they come. Three of them are a picture and its sound, long before
        /// the first segment, which lasts ten seconds here, is whole.
        @Test func theFirstPlaylistIsPlayableAfterThreeParts() throws {
            let fleet = try Fleet(packaging: "{segment: 10s, maximum_segment: 10s, window: 60s}")
            let publisher = try fleet.publish(video: [
                "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "300",
            ])
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            for (rendition, frames) in [("video", 30), ("audio", 45)] {
                let base = "http://127.0.0.1:\(fleet.edgePort)/live/demo/\(rendition)/"
                let origin = "http://127.0.0.1:\(fleet.originPort)/live/demo/\(rendition)/"
                let playlist = try eventually("three parts of the open segment: \(fleet.origin.text)") {
                    () -> MediaPlaylist? in
                    let playlist = try MediaPlaylist(parsing: try curl(origin + "playlist.m3u8").text.utf8)
                    return playlist.segments.first.map { $0.parts.count >= 3 } == true ? playlist : nil
                }
                let segment = try #require(playlist.segments.first)
                #expect(playlist.segments.count == 1 && segment.uri == nil && segment.parts[0].isIndependent)
                var media = try curl(base + (segment.map?.uri ?? "")).body
                for part in segment.parts.prefix(3) { media.append(try curl(base + part.uri).body) }
                let file = fleet.directory.appendingPathComponent("first.mp4")
                try media.write(to: file)
                let counted = try run(
                    "ffprobe",
                    ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
                        + [file.path])
                let count = Int(String(decoding: counted.output, as: UTF8.self).prefix { $0.isNumber }) ?? 0
                #expect(count >= frames - 3, "\(rendition): \(count) frames, \(counted.errors)")
            }
        }

        /// Old segments lie in files; a file system that is full shortens the window and nothing else.
        @Test(.enabled(if: OriginAnswerTests.canMount)) func aFullDiskShortensTheWindow() throws {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("full-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            #expect(try run("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder.path]).status == 0)
            defer {
                _ = try? run("umount", ["-l", folder.path])
                try? FileManager.default.removeItem(at: folder)
            }
            let fleet = try Fleet(
                packaging: "{segment: 1s, maximum_segment: 1s, part: 200ms, window: 60s, "
                    + "storage: {memory: 1MiB, directory: \(folder.path)}}")
            let publisher = try fleet.publish(video: [
                "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "30",
                "-b:v", "800k",
            ])
            defer { publisher.stop() }
            _ = try fleet.origin.line(with: "storage fails", "No space left", within: 40)
            _ = try fleet.origin.line(with: "the window gets shorter", within: 40)
            let metrics = try curl("http://127.0.0.1:\(fleet.originPort)/metrics").text
            let written = try #require(metrics.firstMatch(of: /storage_written_total (\d+)/))
            #expect(Int(written.1) ?? 0 > 0)
            let bytes = try #require(metrics.firstMatch(of: /channel_media_bytes\{channel="demo"\} (\d+)/))
            #expect(Int(bytes.1) ?? .max <= 1 << 20)
            // What is listed can be had.
            let base = "http://127.0.0.1:\(fleet.originPort)/live/demo/video"
            let playlist = try curl("\(base)/playlist.m3u8").text
            for name in playlist.split(separator: "\n").filter({ $0.hasSuffix(".m4s") }).dropFirst().prefix(3) {
                #expect(try curl("\(base)/\(name)").status == 200)
            }
        }

        private static let canMount: Bool = {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("probe-\(UUID().uuidString)")
            try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            guard (try? run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path]).status) == 0 else {
                return false
            }
            return (try? run("umount", [folder.path]).status) == 0
        }()
    }
}

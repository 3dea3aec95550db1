import Foundation
import Harness
import Testing

/// The linter against a stream that is none of ours: ffmpeg's own HLS muxer behind nginx.
extension EndToEnd {
    @Suite struct LintForeignTests {
        struct Style: Sendable, CustomTestStringConvertible {
            let name: String
            let arguments: [String]
            /// What it does not follow, and that alone.
            let broken: [String]
            var isJudged = true
            var testDescription: String { name }
        }

        static let styles = [
            // It writes version 7 where 6 is needed (6.2.1).
            Style(
                name: "fragments in files",
                arguments: [
                    "-hls_segment_type", "fmp4", "-hls_flags", "temp_file+independent_segments+program_date_time",
                ],
                broken: ["version"]),
            Style(
                name: "byte ranges of one file",
                arguments: [
                    "-hls_segment_type", "fmp4", "-hls_flags",
                    "single_file+independent_segments+program_date_time",
                ], broken: ["version"]),
            Style(
                name: "transport stream",
                arguments: ["-hls_flags", "temp_file+independent_segments+program_date_time"], broken: ["version"],
                isJudged: false),
        ]

        @Test("a clean stream of another packager has no finding but its version", arguments: styles)
        func clean(style: Style) throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "foreign-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let origin = try PlainOrigin(
                locations: """
                    gzip on; gzip_types application/vnd.apple.mpegurl; gzip_min_length 1;
                    types { application/vnd.apple.mpegurl m3u8; video/mp4 mp4 m4s; video/mp2t ts; }
                    add_header Access-Control-Allow-Origin * always;
                    add_header Access-Control-Expose-Headers "Age, Date, Content-Length" always;
                    location / { add_header Access-Control-Allow-Origin * always;
                        add_header Access-Control-Expose-Headers "Age, Date, Content-Length" always;
                        add_header Cache-Control "max-age=3600, immutable"; }
                    location ~ m3u8$ { add_header Access-Control-Allow-Origin * always;
                        add_header Access-Control-Expose-Headers "Age, Date, Content-Length" always;
                        add_header Cache-Control "max-age=1"; }
                    """, in: directory)
            let encoder = try ChildProcess(
                "/usr/bin/ffmpeg",
                [
                    "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=20", "-re", "-f", "lavfi",
                    "-i",
                    "sine=frequency=440:sample_rate=48000", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g",
                    "20", "-keyint_min", "20", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "hls",
                    "-hls_time", "1", "-hls_list_size", "30",
                ] + style.arguments + [origin.folder.appendingPathComponent("playlist.m3u8").path],
                in: origin.folder, name: "encoder")
            defer { encoder.stop() }
            let url = "http://127.0.0.1:\(origin.port)/playlist.m3u8"
            _ = try eventually("three segments: \(encoder.text)") {
                try curl(url).text.components(separatedBy: "#EXTINF").count > 3 ? true : nil
            }
            let lint = try ChildProcess(
                Fleet.program, ["lint", url, "--json", "--seconds", "6", "--slack", "5"], in: directory, name: "lint",
                patience: 10)
            _ = try eventually("lint ends: \(lint.text)", within: 60) { lint.isRunning ? nil : true }
            let output = try LintOutput(lint.text)
            #expect(output.broken.map(\.rule) == style.broken, "\(output.broken)")
            #expect(output.notes.isEmpty == style.isJudged, "\(output.notes)")
            for rule in [
                "boxesValid", "mediaProfile", "shownInOrder", "segmentDuration", "mediaContinues", "datesFollowMedia",
            ] {
                #expect(output.verdict(of: rule) == (style.isJudged ? "pass" : "not seen"), "\(rule)")
            }
            #expect(output.verdict(of: "sameForEveryViewer") == "pass")
        }
    }
}

import Foundation
import Harness
import Testing

/// The README is a contract: what it tells a newcomer to type works as it says.
extension EndToEnd {
    @Suite(.serialized) struct ReadmeTests {
        private static let readme = Result {
            try String(contentsOf: Fleet.root.appendingPathComponent("README.md"), encoding: .utf8)
        }

        /// `./dev demo --no-publisher`, the README's ffmpeg command, both edges, and an interrupt.
        @Test func theDemoWaitsForThePublisherOfTheReadme() throws {
            let readme = try Self.readme.get()
            let command = try #require(readme.firstMatch(of: /```sh\n(\s*ffmpeg [^`]*)```/)).1
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let demo = try ChildProcess(
                Fleet.root.appendingPathComponent("dev").path,
                ["demo", "--no-publisher", "--program", Fleet.program], in: directory, name: "demo", patience: 20)
            defer { demo.stop() }
            _ = try demo.line(with: "Publish", "rtmp://127.0.0.1:1935/live/demo", within: 60)
            try FileManager.default.createSymbolicLink(
                atPath: directory.appendingPathComponent("clip.mp4").path,
                withDestinationPath: Fleet.fetched("media/bigbuckbunny.mp4"))
            let publisher = try ChildProcess(
                "bash", ["-c", "exec \(command.trimmingCharacters(in: .whitespacesAndNewlines))"], in: directory,
                name: "publisher")
            defer { publisher.stop() }
            for (clear, secure) in [(8_081, 8_444), (8_082, 8_445)] {
                _ = try eventually("the stream at \(clear): \(demo.text) \(publisher.text)") {
                    try curl("http://127.0.0.1:\(clear)/live/demo/index.m3u8").status == 200 ? true : nil
                }
                let page = try curl("https://127.0.0.1:\(secure)/watch/demo")
                #expect(page.status == 200 && page.version == "HTTP/2" && page.text.contains("<video"))
            }
            #expect(demo.stop() == 0)
            #expect(demo.text.contains("Stopped."))
            #expect(throws: (any Error).self) { try RawConnection(port: 1_935) }
        }

        /// Every file that the README sends its reader to, and every verb.
        @Test func theFilesThatTheReadmeNamesAreThere() throws {
            let readme = try Self.readme.get()
            let paths = readme.matches(of: /(?:edge-config|docs|Sources)\/[A-Za-z0-9\/.-]*[A-Za-z0-9]/).map {
                String($0.0)
            }
            #expect(paths.count > 6)
            for path in paths {
                let place = Fleet.root.appendingPathComponent(path).path
                #expect(FileManager.default.fileExists(atPath: place), "\(path)")
            }
            for verb in ["demo", "test", "bench", "lint"] {
                let help = try run(Fleet.root.appendingPathComponent("dev").path, ["--help"])
                #expect(String(decoding: help.output, as: UTF8.self).contains("  \(verb) "))
            }
        }
    }
}

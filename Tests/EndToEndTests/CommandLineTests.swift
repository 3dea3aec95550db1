import Foundation
import Harness
import Node
import Testing

/// What the program says to a person at a terminal before it serves anybody.
extension EndToEnd {
    @Suite(.serialized) struct CommandLineTests {
        private func needletail(_ arguments: String...) throws -> (status: Int32, output: String, errors: String) {
            let result = try run(Fleet.program, arguments)
            return (result.status, String(decoding: result.output, as: UTF8.self), result.errors)
        }

        @Test func theVersionIsSaid() throws {
            let said = try needletail("--version")
            #expect(said.status == 0 && said.output == "\(ProductVersion.text)\n")
        }

        @Test(arguments: [
            ("orign", "Did you mean \"origin\"?"), ("egde", "Did you mean \"edge\"?"), ("serve", "origin, edge"),
        ])
        func anUnknownCommandIsAnsweredWithTheNearest(name: String, hint: String) throws {
            let said = try needletail(name, "--config", "x.yaml")
            #expect(said.status == 64)
            #expect(
                said.errors.contains("There is no command \"\(name)\".") && said.errors.contains(hint), "\(said.errors)"
            )
        }

        /// Each kind of listener, held by the test.
        @Test(arguments: [("origin", "http"), ("origin", "rtmp"), ("edge", "http")])
        func aBusyPortIsSaidBySettingAndAddress(node: String, listener: String) throws {
            let holder = try ScriptedOrigin { _ in ScriptedOrigin.message() }
            defer { holder.stop() }
            let place = "127.0.0.1:\(holder.port)"
            let free = ["http", "rtmp"].filter { $0 != listener && (node == "origin" || $0 == "http") }
                .flatMap { ["--set", "\($0).listen=127.0.0.1:0"] }
            let own =
                node == "origin"
                ? ["rtmp.any_key=true", "state_dir=state"] : ["upstreams.0.url=http://127.0.0.1:1"]
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let said = try run(
                Fleet.program,
                [node, "--set", "\(listener).listen=\(place)"] + free + own.flatMap { ["--set", $0] }, in: directory)
            #expect(said.status == 1)
            #expect(said.errors.contains("\(listener).listen \(place) is in use"), "\(said.errors)")
        }

        @Test func theLogSaysWhatANodeRunsBy() throws {
            let fleet = try Fleet(origin: ["rtmp.any_key=true"])
            let line = try fleet.origin.line(with: "configuration read", "file=origin.yaml")
            #expect(
                line.contains("replaced=rtmp.any_key") && line.contains("version=\(ProductVersion.text)"), "\(line)")
            let bare = try ChildProcess(
                Fleet.program, ["edge", "--http", "127.0.0.1:0", "--set", "upstreams.0.url=http://127.0.0.1:1"],
                in: fleet.directory, name: "bare")
            defer { bare.stop() }
            _ = try bare.line(with: "no configuration file, standard settings")
        }
    }
}

import Foundation
import Harness
import Testing

/// What the page decides, in seeded lives of viewers: in the browser's own engine, without a picture and without a clock.
extension EndToEnd {
    @Suite(.serialized) struct PlayerStateTests {
        private struct Outcome: Decodable {
            let broken: [String]
            let visited: [String]
        }

        /// An edge alone is enough: it serves the modules.
        private func evaluate<Value: Decodable>(_ expression: String, as type: Value.Type) throws -> Value {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("state-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let made = try run(Fleet.program, ["certificate", "--directory", folder.path])
            #expect(made.status == 0, "\(made.errors)")
            let edge = try EdgeNode("edge", upstreams: [9], in: folder, waits: false)
            let browser = try Browser(in: folder)
            try browser.open("\(edge.url)/watch/assets/words.js")
            let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("player-state-tests.js")
            let text = Data(try Data(contentsOf: tests)).base64EncodedString()
            let result = try browser.evaluate(
                """
                return Promise.all([
                    import("/watch/assets/player-state.js"), import("/watch/assets/words.js"),
                    import("data:text/javascript;base64,\(text)"),
                ]).then(([{ PlayerState }, words, { check, mutants }]) => JSON.stringify(\(expression)));
                """)
            return try JSONDecoder().decode(type, from: Data("\(result)".utf8))
        }

        @Test("what is said is true, whoever went back is left alone, the end stays, and every state has a way out")
        func seededLives() throws {
            let outcome = try evaluate("check(PlayerState, 1, 400)", as: Outcome.self)
            #expect(outcome.broken.isEmpty)
            let states = [
                "behind", "blocked", "buffering", "ended", "interrupted", "live", "loading", "network", "not_found",
                "not_started", "paused", "unsupported",
            ]
            #expect(outcome.visited == states, "the lives reach every state")
        }

        @Test("each page that breaks a rule is found")
        func mutants() throws {
            let found = try evaluate(
                """
                Object.entries(mutants(PlayerState)).map(([name, Mutant]) =>
                    ({ name, broken: check(Mutant, 1, 100).broken.length }))
                """, as: [Mutant].self)
            #expect(found.count == 10)
            for mutant in found { #expect(mutant.broken > 0, "a page that \(mutant.name)") }
        }

        private struct Mutant: Decodable {
            let name: String
            let broken: Int
        }

        @Test("every word is there in every language, and values are put in")
        func words() throws {
            let missing = try evaluate(
                """
                words.keys.flatMap((key) => words.languages.filter((language) =>
                    !words.say(key, language, { n: 7, codec: "AV1" }) || /[{}]|undefined/.test(words.say(key, language, { n: 7, codec: "AV1" }))))
                """, as: [String].self)
            #expect(missing.isEmpty)
            let chosen = try evaluate(
                #"[["ko-KR"], ["fr", "ko"], [null, "de"], []].map(words.choose)"#, as: [String].self)
            #expect(chosen == ["ko", "ko", "en", "en"])
            let names = try evaluate(
                #"["avc1.64001f", "hvc1.1.6.L93.B0", "av01.0.04M.08", "mp4a.40.2", "ac-3", "xyz1"].map(words.codecName)"#,
                as: [String].self)
            #expect(names == ["H.264", "HEVC (H.265)", "AV1", "AAC", "AC-3", "xyz1"])
        }
    }
}

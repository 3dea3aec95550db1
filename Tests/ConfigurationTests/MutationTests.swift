import Testing

@testable import Configuration

@Suite("Damaged files")
struct MutationTests {
    /// SplitMix64: the same damage in every run.
    struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test("a damaged sample is read or refused with places inside it, never trapped on", arguments: 1...4)
    func mutation(seed: Int) throws {
        var random = Random(state: UInt64(seed))
        let samples = try ["origin.yaml", "edge.yaml"].map {
            Array(SampleTests.everySetting(try SampleTests.text($0)).utf8)
        }
        let spice = Array("\"'{}[]:#&*!|>?-,%@`~\t\r\n \u{0}\u{E000}é0/.".utf8)
        var refused = 0
        for round in 0..<60 {
            var bytes = samples[round % samples.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = spice.randomElement(using: &random) ?? 0
                case 1: bytes.insert(spice.randomElement(using: &random) ?? 0, at: index)
                case 2: bytes.remove(at: index)
                default:
                    // A line twice: duplicate keys.
                    let end = bytes[index...].firstIndex(of: 10) ?? bytes.count - 1
                    bytes.insert(contentsOf: Array(bytes[index...end]), at: index)
                }
            }
            let file = ConfigurationFile(path: "m.yaml", text: String(decoding: bytes, as: UTF8.self))
            do {
                if round % 2 == 0 {
                    _ = try OriginConfiguration.decode(file, files: .trusting)
                } else {
                    _ = try EdgeConfiguration.decode(file, files: .trusting)
                }
            } catch {
                refused += 1
                #expect(!error.problems.isEmpty)
                for problem in error.problems {
                    guard case .file(_, let line, let column) = problem.place else { continue }
                    #expect(line >= 1 && column >= 1 && line <= file.text.unicodeScalars.count + 1)
                    #expect(!problem.description.contains("\n"))
                }
            }
        }
        #expect(refused > 0)
    }
}

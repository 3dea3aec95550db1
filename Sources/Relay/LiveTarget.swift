import HLS
import HTTP

/// What a target below `/live/{channel}/` names.
package enum LiveTarget: Equatable, Sendable {
    case multivariant
    case playlist(rendition: String)
    case media(rendition: String, epoch: String, MediaName)

    /// The rendition that it belongs to; nil for the multivariant playlist, which belongs to all.
    package var rendition: String? {
        switch self {
        case .multivariant: nil
        case .playlist(let rendition), .media(let rendition, _, _): rendition
        }
    }

    /// Reads a path, as it is written by an origin: nothing is decoded, and there is one name for each thing.
    package static func read(path: HTTPBytes) -> (channel: String, target: LiveTarget)? {
        guard path.starts(with: prefix) else { return nil }
        let steps = path.dropFirst(prefix.count).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard steps.count >= 2, steps.count <= 4, steps.dropLast().allSatisfy(isName) else { return nil }
        let channel = steps[0].text
        switch steps.count {
        case 2:
            return steps[1].isEqual(to: "index.m3u8") ? (channel, .multivariant) : nil
        case 3:
            guard steps[2].isEqual(to: "playlist.m3u8") else { return nil }
            return (channel, .playlist(rendition: steps[1].text))
        default:
            guard let name = MediaName(steps[3]) else { return nil }
            return (channel, .media(rendition: steps[1].text, epoch: steps[2].text, name))
        }
    }

    private static let prefix = Array("/live/".utf8)

    /// 1 to 64 letters, digits, `-` and `_`, as channels, renditions and epochs are written.
    static func isName(_ step: some Collection<UInt8>) -> Bool {
        !step.isEmpty && step.count <= 64
            && step.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }
}

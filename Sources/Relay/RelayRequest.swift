import HLS
import HTTP

/// The long-lived request by which an edge asks to be pushed a channel: `/relay/v1/{channel}?{rendition}={held}&…`.
///
/// Each rendition that it has viewers for stands in the query, with the last part that it holds (`epoch.msn.part`), or
/// nothing when it holds none. A later request for the same channel on the same connection takes an earlier one's place.
package struct RelayRequest: Equatable, Sendable {
    /// The last part of a rendition that the asker holds.
    package struct Held: Equatable, Sendable {
        package var epoch: String
        package var position: MediaPosition

        package init(epoch: String, position: MediaPosition) {
            self.epoch = epoch
            self.position = position
        }
    }

    package var channel: String
    /// By rendition.
    package var wants: [String: Held?]

    package init(channel: String, wants: [String: Held?] = [:]) {
        self.channel = channel
        self.wants = wants
    }

    /// The content type of the answer that takes it on.
    package static let contentType = "application/vnd.needletail.relay"
    private static let prefix = Array("/relay/v1/".utf8)
    private static let renditionLimit = 64

    package static func isRelay(_ target: HTTPBytes) -> Bool { target.begins(with: "/relay/v1/") }

    package var target: HTTPBytes {
        let query = wants.sorted { $0.key < $1.key }.map { rendition, held in
            guard let held else { return "\(rendition)=" }
            return "\(rendition)=\(held.epoch).\(held.position.sequence).\(held.position.part)"
        }
        return HTTPBytes("/relay/v1/\(channel)?\(query.joined(separator: "&"))")
    }

    /// Reads a request's target; nil when it is none, or malformed.
    package init?(_ request: RequestHead) {
        let path = request.path
        guard path.starts(with: Self.prefix) else { return nil }
        let name = path.dropFirst(Self.prefix.count)
        guard LiveTarget.isName(name) else { return nil }
        channel = name.text
        wants = [:]
        for item in request.queryItems {
            guard LiveTarget.isName(item.name), wants.count < Self.renditionLimit else { return nil }
            let rendition = item.name.text
            guard wants[rendition] == nil else { return nil }
            if item.value.isEmpty {
                wants[rendition] = .some(nil)
                continue
            }
            let steps = item.value.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard steps.count == 3, LiveTarget.isName(steps[0]), let sequence = steps[1].decimalValue,
                let part = steps[2].decimalValue
            else { return nil }
            wants[rendition] = Held(
                epoch: steps[0].text, position: MediaPosition(sequence: Int64(sequence), part: part))
        }
    }
}

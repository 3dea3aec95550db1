/// What a publisher asks for with connect and publish.
package struct PublishRequest: Sendable, Equatable {
    /// Application: `live` in `rtmp://host/live/{key}`.
    package var app: String
    /// Name of the stream up to its query.
    package var streamKey: String
    /// Query items of the stream name and of the application, percent-decoded.
    package var query: [String: String]
    package var tcURL: String
    /// The publisher's own name for itself (`flashVer`), for the log.
    package var publisher: String
}

/// The answer to a publish request.
package enum PublishVerdict: Sendable, Equatable {
    case accepted
    /// `code` is RTMP's, such as `NetStream.Publish.BadName`; `description` is shown to the person at the encoder.
    case refused(code: String, description: String)
}

/// The stream name as it came: key, then an optional query.
struct StreamName {
    let key: String
    let query: [String: String]

    init(_ text: String) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        key = Self.decoded(String(parts.first ?? ""))
        var query: [String: String] = [:]
        for item in (parts.count > 1 ? parts[1] : "").split(separator: "&").prefix(32) {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[Self.decoded(String(pair[0]))] = pair.count > 1 ? Self.decoded(String(pair[1])) : ""
        }
        self.query = query
    }

    /// Whether a key keeps the limits' length and alphabet.
    static func isValidKey(_ key: String, limits: RTMPLimits) -> Bool {
        !key.isEmpty && key.utf8.count <= limits.streamKeyBytes
            && key.utf8.allSatisfy { byte in
                byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 && byte >= 0x41
                    || limits.streamKeySymbols.utf8.contains(byte)
            }
    }

    /// Percent-decoding; a malformed escape stays as it is.
    private static func decoded(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x25, index + 2 < bytes.count, let high = hex(bytes[index + 1]),
                let low = hex(bytes[index + 2])
            {
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

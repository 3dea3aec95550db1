import Logging

/// How a line of the log looks.
package enum LogFormat: String, Sendable, CaseIterable {
    /// `2026-11-23T22:40:39.041Z info origin: publish accepted channel=demo peer=127.0.0.1:50000`
    case text
    /// `{"time":"…","level":"info","logger":"origin","message":"publish accepted","metadata":{"channel":"demo"}}`
    case json
}

/// One event as one line, without what could make it two.
struct LogLine {
    /// Past this many bytes a line takes no further member or item. It may end 12 KiB later, with the last one.
    static let maximumBytes = 64 << 10

    var unixMicroseconds: Int64
    var level: Logger.Level
    var logger: String
    var message: String
    var metadata: Logger.Metadata

    /// The line in UTF-8 with its line feed; metadata in the order of its keys.
    func bytes(_ format: LogFormat) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        switch format {
        case .text: appendText(to: &bytes)
        case .json: appendJSON(to: &bytes)
        }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private func appendText(to bytes: inout [UInt8]) {
        LogTime.append(unixMicroseconds: unixMicroseconds, to: &bytes)
        bytes.append(contentsOf: " \(level.rawValue) ".utf8)
        LogText.appendKey(logger, to: &bytes)
        bytes.append(contentsOf: ": ".utf8)
        LogText.appendPlain(message, allowsSpaces: true, to: &bytes)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where bytes.count < Self.maximumBytes {
            bytes.append(UInt8(ascii: " "))
            LogText.appendKey(key, to: &bytes)
            bytes.append(UInt8(ascii: "="))
            switch value {
            case .string(let text): LogText.appendPlain(text, allowsSpaces: false, to: &bytes)
            case .stringConvertible(let thing):
                LogText.appendPlain(thing.description, allowsSpaces: false, to: &bytes)
            case .array, .dictionary:
                Self.appendJSON(value, depth: 0, to: &bytes)
            }
        }
    }

    private func appendJSON(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: #"{"time":""#.utf8)
        LogTime.append(unixMicroseconds: unixMicroseconds, to: &bytes)
        bytes.append(contentsOf: #"","level":"\#(level.rawValue)","logger":"#.utf8)
        LogText.appendQuoted(logger, to: &bytes)
        bytes.append(contentsOf: #","message":"#.utf8)
        LogText.appendQuoted(message, to: &bytes)
        if !metadata.isEmpty {
            bytes.append(contentsOf: #","metadata":"#.utf8)
            Self.appendJSON(.dictionary(metadata), depth: 0, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// A value as JSON without spaces, whole JSON even where it is cut: beyond eight levels, 64 items or the line's bound.
    private static func appendJSON(_ value: Logger.MetadataValue, depth: Int, to bytes: inout [UInt8]) {
        switch value {
        case .string(let text): LogText.appendQuoted(text, to: &bytes)
        case .stringConvertible(let thing): LogText.appendQuoted(thing.description, to: &bytes)
        case .array where depth >= 8, .dictionary where depth >= 8: LogText.appendQuoted("…", to: &bytes)
        case .array(let items):
            bytes.append(UInt8(ascii: "["))
            for (index, item) in items.prefix(64).enumerated() where bytes.count < maximumBytes {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                appendJSON(item, depth: depth + 1, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .dictionary(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, (key, member)) in members.sorted(by: { $0.key < $1.key }).prefix(64).enumerated() {
                guard bytes.count < maximumBytes else { break }
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                LogText.appendQuoted(key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                appendJSON(member, depth: depth + 1, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

import HTTP

/// How a line of the access log looks.
package enum AccessLogFormat: String, Sendable, CaseIterable {
    /// One object a line.
    case json
    /// Apache's and nginx's combined format, with what it lacks behind it.
    case combined
}

/// Writes the lines of one event loop: an exchange is told in two steps, since its end is known later than the rest.
///
/// Knows no clock and no file, and makes no text: bytes are appended to a buffer that the caller uses again.
package struct AccessFormatter {
    private let format: AccessLogFormat
    /// The second that `stamp` tells.
    private var stamped = Int64.min
    /// The time up to its seconds, as most lines begin with the same.
    private var stamp: [UInt8] = []

    package init(_ format: AccessLogFormat) { self.format = format }

    /// Appends all but the end. `ending` is what is known of it: an exchange without an answer has no other later.
    package mutating func begin(_ entry: AccessEntry, _ ending: AccessEnding, into line: inout [UInt8]) {
        setStamp(entry.startedAt)
        switch format {
        case .json: beginJSON(entry, into: &line)
        case .combined: beginCombined(entry, ending, into: &line)
        }
    }

    /// Appends the end and a line feed. `duration` in microseconds.
    package func end(duration: Int64, _ ending: AccessEnding, into line: inout [UInt8]) {
        switch format {
        case .json:
            line.append(#","duration_ms":"#)
            line.append(milliseconds: duration)
            line.append(#","end":""#)
            line.append(ending.word)
            line.append("\"}\n")
        case .combined:
            line.append(" time=")
            line.append(milliseconds: duration)
            line.append(" end=")
            line.append(ending.word)
            line.append("\n")
        }
    }

    // MARK: JSON

    private func beginJSON(_ entry: AccessEntry, into line: inout [UInt8]) {
        line.append(#"{"time":""#)
        line.append(contentsOf: stamp)
        AccessText.append(fraction: Self.fraction(entry.startedAt), digits: 6, to: &line)
        line.append(#"Z","peer":"#)
        line.append(json: entry.peer.isEmpty ? nil : entry.peer[...])
        line.append(#","port":"#)
        AccessText.append(entry.peerPort, to: &line)
        let request = entry.request
        line.append(#","method":"#)
        if let request {
            line.append("\"")
            line.append(request.method, escape: AccessText.appendJSON)
            line.append("\"")
        } else {
            line.append("null")
        }
        line.append(#","host":"#)
        line.append(json: request?.authority)
        line.append(#","target":"#)
        line.append(json: request?.target)
        line.append(#","protocol":""#)
        line.append(Self.protocolName(entry))
        line.append(entry.isSecure ? #"","tls":true,"status":"# : #"","tls":false,"status":"#)
        if entry.status > 0 { AccessText.append(entry.status, to: &line) } else { line.append("null") }
        line.append(#","bytes":"#)
        AccessText.append(entry.bodyBytes, to: &line)
        line.append(#","cache":"#)
        if let words = entry.cache.words {
            line.append("\"")
            line.append(words)
            line.append("\"")
        } else {
            line.append("null")
        }
        line.append(#","hold_ms":"#)
        if let held = entry.held { line.append(milliseconds: held) } else { line.append("null") }
        line.append(#","upstream_ms":"#)
        if let upstream = entry.upstream { line.append(milliseconds: upstream) } else { line.append("null") }
        line.append(#","referer":"#)
        line.append(json: request?.fields.first("referer"))
        line.append(#","user_agent":"#)
        line.append(json: request?.fields.first("user-agent"))
    }

    /// `h2` and `http/1.1` by their ALPN names (RFC 7301).
    private static func protocolName(_ entry: AccessEntry) -> StaticString {
        switch entry.version {
        case .http2: "h2"
        case .http11: "http/1.1"
        case .http10: "http/1.0"
        }
    }

    // MARK: Combined

    private func beginCombined(_ entry: AccessEntry, _ ending: AccessEnding, into line: inout [UInt8]) {
        if entry.peer.isEmpty { line.append("-") } else { line.append(contentsOf: entry.peer) }
        line.append(" - - [")
        line.append(contentsOf: stamp)
        line.append(#" +0000] ""#)
        if let request = entry.request {
            line.append(request.method, escape: AccessText.appendQuotable)
            line.append(" ")
            request.target.withUnsafeBytes { AccessText.appendQuotable($0, to: &line) }
            switch entry.version {
            case .http2: line.append(" HTTP/2.0")
            case .http11: line.append(" HTTP/1.1")
            case .http10: line.append(" HTTP/1.0")
            }
        } else {
            line.append("-")
        }
        line.append(#"" "#)
        // nginx's numbers for exchanges without an answer: every reader of the format wants a number here.
        AccessText.append(entry.status > 0 ? entry.status : ending == .gone ? 499 : 444, to: &line)
        line.append(" ")
        AccessText.append(entry.bodyBytes, to: &line)
        line.append(" ")
        line.append(quoted: entry.request?.fields.first("referer"))
        line.append(" ")
        line.append(quoted: entry.request?.fields.first("user-agent"))
        line.append(" host=")
        line.append(quoted: entry.request?.authority)
        line.append(entry.isSecure ? #" tls=1 cache=""# : #" tls=0 cache=""#)
        line.append(entry.cache.words ?? "-")
        line.append(#"" hold="#)
        if let held = entry.held { line.append(milliseconds: held) } else { line.append("-") }
        line.append(" upstream=")
        if let upstream = entry.upstream { line.append(milliseconds: upstream) } else { line.append("-") }
    }

    // MARK: Time

    private static func fraction(_ unixMicroseconds: Int64) -> Int64 {
        let rest = unixMicroseconds % 1_000_000
        return rest < 0 ? rest + 1_000_000 : rest
    }

    private mutating func setStamp(_ unixMicroseconds: Int64) {
        let second = (unixMicroseconds - Self.fraction(unixMicroseconds)) / 1_000_000
        guard second != stamped else { return }
        stamped = second
        stamp.removeAll(keepingCapacity: true)
        // `Sun, 06 Nov 1994 08:49:37 GMT`
        let date = HTTPDate.format(unixSeconds: second)
        guard date.count == 29 else { return }
        switch format {
        case .json:
            let month = HTTPDate.civil(fromDay: max(0, second) / 86_400).month
            stamp.append(contentsOf: date[12..<16])
            stamp.append("-")
            AccessText.append(month, digits: 2, to: &stamp)
            stamp.append("-")
            stamp.append(contentsOf: date[5..<7])
            stamp.append("T")
        case .combined:
            stamp.append(contentsOf: date[5..<7])
            stamp.append("/")
            stamp.append(contentsOf: date[8..<11])
            stamp.append("/")
            stamp.append(contentsOf: date[12..<16])
            stamp.append(":")
        }
        stamp.append(contentsOf: date[17..<25])
    }
}

extension [UInt8] {
    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// A JSON string, or null.
    mutating func append(json value: HTTPBytes?) {
        guard let value else { return append("null") }
        append("\"")
        value.withUnsafeBytes { AccessText.appendJSON($0, to: &self) }
        append("\"")
    }

    /// A value between quotes, or a dash between them.
    mutating func append(quoted value: HTTPBytes?) {
        guard let value, !value.isEmpty else { return append(#""-""#) }
        append("\"")
        value.withUnsafeBytes { AccessText.appendQuotable($0, to: &self) }
        append("\"")
    }

    /// `12.345` of 12,345 microseconds.
    mutating func append(milliseconds microseconds: Int64) {
        let microseconds = Swift.max(0, microseconds)
        AccessText.append(microseconds / 1_000, to: &self)
        AccessText.append(fraction: microseconds % 1_000, digits: 3, to: &self)
    }

    mutating func append(_ method: Method, escape: (UnsafeRawBufferPointer, inout [UInt8]) -> Void) {
        switch method {
        case .get: append("GET")
        case .head: append("HEAD")
        case .options: append("OPTIONS")
        case .post: append("POST")
        default:
            var name = method.name
            name.withUTF8 { escape(UnsafeRawBufferPointer($0), &self) }
        }
    }
}

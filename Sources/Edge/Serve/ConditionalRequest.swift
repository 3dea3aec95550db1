import HTTP
import struct NIOCore.ByteBuffer

/// Requests that a client makes against what it holds (RFC 9110, 13).
enum ConditionalRequest {
    /// Whether a 304 answers the request.
    static func isUnchanged(_ request: RequestHead, _ head: ResponseHead) -> Bool {
        guard head.status == 200 else { return false }
        if request.fields.contains("if-none-match") {
            guard let tag = head.fields.first("etag") else { return false }
            return request.fields.all("if-none-match").contains { line in
                line.isEqual(to: "*")
                    || line.split(separator: UInt8(ascii: ",")).contains {
                        weak($0.trimmingBlanks()).elementsEqual(weak(tag))
                    }
            }
        }
        guard let since = request.fields.first("if-modified-since").flatMap({ HTTPDate.parse($0) }),
            let modified = head.fields.first("last-modified").flatMap({ HTTPDate.parse($0) })
        else { return false }
        return modified <= since
    }

    /// If-None-Match compares weakly (RFC 9110, 13.1.2).
    private static func weak(_ tag: HTTPBytes) -> HTTPBytes {
        tag.starts(with: "W/".utf8) ? tag.dropFirst(2) : tag
    }
}

/// A single range of bytes (RFC 9110, 14). Several ranges in one request are answered with the whole, as 14.2 allows.
enum ByteRange: Equatable {
    case bytes(Range<Int>)
    case unsatisfiable

    init?(_ request: RequestHead, head: ResponseHead, length: Int) {
        guard request.method == .get, let value = request.fields.first("range"),
            value.starts(with: "bytes=".utf8), !value.contains(UInt8(ascii: ","))
        else { return nil }
        if let condition = request.fields.first("if-range"), condition != head.fields.first("etag") ?? [],
            condition != head.fields.first("last-modified") ?? []
        {
            return nil
        }
        let spec = value.dropFirst(6).trimmingBlanks()
        guard let dash = spec.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let first = spec[..<dash]
        let last = spec[spec.index(after: dash)...]
        if first.isEmpty {
            guard let suffix = last.decimalValue else { return nil }
            self = suffix == 0 || length == 0 ? .unsatisfiable : .bytes(max(0, length - suffix)..<length)
            return
        }
        guard let start = first.decimalValue, last.isEmpty || last.decimalValue != nil else { return nil }
        let end = last.decimalValue ?? .max
        guard end >= start else { return nil }
        self = start >= length ? .unsatisfiable : .bytes(start..<min(length, end == .max ? length : end + 1))
    }

    /// The pieces of a body that lie in the range.
    func cut(_ pieces: [ByteBuffer]) -> [ByteBuffer] {
        guard case .bytes(let bounds) = self else { return [] }
        var found: [ByteBuffer] = []
        var offset = 0
        for piece in pieces {
            let low = max(bounds.lowerBound, offset)
            let high = min(bounds.upperBound, offset + piece.readableBytes)
            if low < high, let slice = piece.getSlice(at: piece.readerIndex + low - offset, length: high - low) {
                found.append(slice)
            }
            offset += piece.readableBytes
        }
        return found
    }
}

/// Which of a request's fields do not go upstream.
enum ForwardedFields {
    static func isDropped(_ name: HTTPBytes) -> Bool {
        for known: StaticString in [
            "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host",
            "content-length", "expect",
        ] where name.isEqual(to: known) { return true }
        return false
    }
}

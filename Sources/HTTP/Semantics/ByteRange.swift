import struct NIOCore.ByteBuffer

/// What a Range field asks of a whole that is held (RFC 9110, 14).
package enum ByteRange: Equatable {
    case single(Range<Int>)
    /// In the order in which they were asked, none empty.
    case multiple([Range<Int>])
    case unsatisfiable

    /// More ranges than this, or ranges that overlap, are answered with the whole, as 14.2 allows: they cost more than
    /// they can be worth.
    private static let limit = 16

    /// Nil where the whole is the answer: no Range, another unit, a malformed one, or a condition that does not hold.
    package init?(_ request: RequestHead, head: ResponseHead, length: Int) {
        guard request.method == .get, request.fields.all("range").count == 1,
            let value = request.fields.first("range"), value.prefix(6).isEqualIgnoringCase(to: "bytes="),
            Self.conditionHolds(request, head)
        else { return nil }
        var ranges: [Range<Int>] = []
        var isAnyAsked = false
        for member in ListMembers(value.dropFirst(6)) {
            guard let bounds = Self.bounds(member, length: length) else { return nil }
            isAnyAsked = true
            guard !bounds.isEmpty else { continue }
            ranges.append(bounds)
            guard ranges.count <= Self.limit else { return nil }
        }
        guard isAnyAsked else { return nil }
        switch ranges.count {
        case 0: self = .unsatisfiable
        case 1: self = .single(ranges[0])
        default:
            let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
            guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0.upperBound <= $1.lowerBound }) else { return nil }
            self = .multiple(ranges)
        }
    }

    /// 13.1.5: a strong tag, or a date that is the very one; anything else asks for the whole.
    private static func conditionHolds(_ request: RequestHead, _ head: ResponseHead) -> Bool {
        guard let condition = request.fields.first("if-range") else { return true }
        if condition.first == UInt8(ascii: "\"") { return condition == head.fields.first("etag") }
        return !condition.starts(with: "W/".utf8) && condition == head.fields.first("last-modified")
    }

    /// The bytes of one range-spec within the whole: empty where it lies outside, nil where it is malformed.
    private static func bounds(_ spec: HTTPBytes, length: Int) -> Range<Int>? {
        guard let dash = spec.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let (first, last) = (spec[..<dash], spec[spec.index(after: dash)...])
        if first.isEmpty {
            guard let suffix = number(last) else { return nil }
            return max(0, length - suffix)..<length
        }
        guard let start = number(first) else { return nil }
        let end: Int
        if last.isEmpty {
            end = .max
        } else if let number = number(last) {
            end = number
        } else {
            return nil
        }
        guard end >= start else { return nil }
        return start >= length ? 0..<0 : start..<(end >= length ? length : end + 1)
    }

    /// Digits; more of them than any length has are past its end.
    private static func number(_ digits: HTTPBytes) -> Int? {
        guard !digits.isEmpty, digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return digits.decimalValue ?? .max / 2
    }

    /// The pieces of a body that lie within `bounds`, shared.
    package static func cut(_ pieces: [ByteBuffer], to bounds: Range<Int>) -> [ByteBuffer] {
        var found: [ByteBuffer] = []
        var offset = 0
        for piece in pieces {
            let low = max(bounds.lowerBound, offset)
            let high = min(bounds.upperBound, offset + piece.readableBytes)
            if low < high, let slice = piece.getSlice(at: piece.readerIndex + low - offset, length: high - low) {
                found.append(slice)
            }
            offset += piece.readableBytes
            if offset >= bounds.upperBound { break }
        }
        return found
    }
}

extension ResponseHead {
    /// Becomes the head of a 206 with one range of a whole of `length` bytes (RFC 9110, 15.3.7).
    package mutating func becomePartial(_ bounds: Range<Int>, of length: Int) {
        status = 206
        fields.remove("content-length")
        fields.set("content-range", "bytes \(bounds.lowerBound)-\(bounds.upperBound - 1)/\(length)")
    }

    /// Becomes the head of a 416: no range that was asked for lies within `length` bytes (15.5.17).
    package mutating func becomeUnsatisfiable(of length: Int) {
        status = 416
        fields.remove("content-length")
        fields.set("content-range", "bytes */\(length)")
    }
}

/// Several ranges in one answer (RFC 9110, 14.6).
package struct MultipartRanges {
    package let boundary: String
    private let partType: HTTPBytes?
    private let length: Int

    /// `boundary` must not occur in the body: a random one does not.
    package init(of head: ResponseHead, length: Int, boundary: String) {
        self.boundary = boundary
        self.length = length
        partType = head.fields.first("content-type")
    }

    package func body(_ pieces: [ByteBuffer], _ ranges: [Range<Int>]) -> [ByteBuffer] {
        var body: [ByteBuffer] = []
        for (index, bounds) in ranges.enumerated() {
            var part = ByteBuffer(string: "\(index == 0 ? "" : "\r\n")--\(boundary)\r\n")
            if let partType {
                part.writeString("content-type: ")
                part.writeBytes(partType)
                part.writeString("\r\n")
            }
            part.writeString("content-range: bytes \(bounds.lowerBound)-\(bounds.upperBound - 1)/\(length)\r\n\r\n")
            body.append(part)
            body += ByteRange.cut(pieces, to: bounds)
        }
        body.append(ByteBuffer(string: "\r\n--\(boundary)--\r\n"))
        return body
    }
}

import CNghttp2
import HTTP

/// Header lines laid out in one stretch of memory, as libnghttp2 wants to read them.
struct HTTP2HeaderBlock {
    private var bytes: [UInt8] = []
    private var lines: [(name: Range<Int>, value: Range<Int>)] = []

    init() {
        bytes.reserveCapacity(512)
        lines.reserveCapacity(16)
    }

    mutating func append(_ name: StaticString, value: some Collection<UInt8>) {
        let start = bytes.count
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        let middle = bytes.count
        bytes.append(contentsOf: value)
        lines.append((start..<middle, middle..<bytes.count))
    }

    mutating func append(_ name: StaticString, decimal value: Int) {
        append(name, value: String(value).utf8)
    }

    /// What begins an answer. The length of its body is told where it is known and may be told; where `keepsLength` is true
    /// the head's own stands.
    mutating func append(_ head: ResponseHead, length: Int?, keepsLength: Bool = false) {
        append(":status", decimal: Int(head.status))
        if let length, head.allowsBody, !keepsLength { append("content-length", decimal: length) }
        append(head.fields, withLength: keepsLength)
    }

    /// Appends what HTTP/2 may carry of `fields`, without their Content-Length when the caller tells one.
    mutating func append(_ fields: HTTPFields, withLength: Bool = true) {
        for (name, value) in fields where !isConnectionSpecific(name) {
            if !withLength && name.isEqual(to: "content-length") { continue }
            let start = bytes.count
            bytes.append(contentsOf: name)
            let middle = bytes.count
            bytes.append(contentsOf: value)
            lines.append((start..<middle, middle..<bytes.count))
        }
    }

    private func isConnectionSpecific(_ name: HTTPBytes) -> Bool {
        name.isEqual(to: "connection") || name.isEqual(to: "keep-alive") || name.isEqual(to: "proxy-connection")
            || name.isEqual(to: "transfer-encoding") || name.isEqual(to: "upgrade") || name.isEqual(to: "host")
    }

    /// Calls `body` with the lines as libnghttp2's pairs, valid only during the call. `scratch` is memory to reuse.
    mutating func withNameValues<Result>(
        scratch: inout [nghttp2_nv], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result
    ) -> Result {
        scratch.removeAll(keepingCapacity: true)
        let lines = lines
        return bytes.withUnsafeMutableBufferPointer { storage in
            for line in lines {
                guard let base = storage.baseAddress else { break }
                scratch.append(
                    nghttp2_nv(
                        name: base + line.name.lowerBound, value: base + line.value.lowerBound,
                        namelen: line.name.count, valuelen: line.value.count,
                        flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
            }
            return scratch.withUnsafeBufferPointer(body)
        }
    }
}

/// Header lines that libnghttp2 reads where they lie: it copies neither names nor values. They must outlive the frames that
/// are made of them.
final class HTTP2PinnedLines {
    private let storage: UnsafeMutableBufferPointer<UInt8>
    private let lines: UnsafeMutableBufferPointer<nghttp2_nv>

    var pairs: UnsafeBufferPointer<nghttp2_nv> { UnsafeBufferPointer(lines) }

    init(_ block: HTTP2HeaderBlock) {
        var block = block
        var scratch: [nghttp2_nv] = []
        (storage, lines) = block.withNameValues(scratch: &scratch) { pairs in
            let storage = UnsafeMutableBufferPointer<UInt8>.allocate(
                capacity: pairs.reduce(0) { $0 + $1.namelen + $1.valuelen })
            let lines = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: pairs.count)
            var next = 0
            /// Copies bytes to the next free place and says where that is.
            func pin(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int) -> UnsafeMutablePointer<UInt8>? {
                guard let bytes, count > 0, let place = storage.baseAddress?.advanced(by: next) else {
                    return storage.baseAddress
                }
                place.initialize(from: bytes, count: count)
                next += count
                return place
            }
            for (index, pair) in pairs.enumerated() {
                lines.initializeElement(
                    at: index,
                    to: nghttp2_nv(
                        name: pin(pair.name, pair.namelen), value: pin(pair.value, pair.valuelen),
                        namelen: pair.namelen, valuelen: pair.valuelen,
                        flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)))
            }
            return (storage, lines)
        }
    }

    deinit {
        storage.deallocate()
        lines.deallocate()
    }
}

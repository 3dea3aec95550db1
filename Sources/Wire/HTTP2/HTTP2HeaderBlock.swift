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

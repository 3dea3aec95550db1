import struct NIOCore.ByteBuffer

/// An error as its reader gets it: `application/problem+json` (RFC 9457) with a type that stays the same for ever.
package struct Problem: Sendable, Equatable {
    /// The last part of `urn:needletail:problem:<name>`, of lower-case letters and hyphens.
    package var name: String
    package var status: UInt16
    /// What kind of problem it is, the same each time.
    package var title: String
    /// What happened this time, and what to do about it.
    package var detail: String

    /// A problem whose title is the status's phrase unless one is given.
    package init(name: String, title: String? = nil, status: UInt16, detail: String) {
        self.name = name
        self.status = status
        self.title = title ?? "\(StatusPhrase.phrase(of: status))"
        self.detail = detail
    }

    /// `urn:needletail:problem:<name>`
    package var type: String { "urn:needletail:problem:\(name)" }

    /// The head of a response that says it: content type and `no-store`; the serialiser adds the length.
    package var head: ResponseHead {
        var fields = HTTPFields()
        fields.append("content-type", "application/problem+json")
        fields.append("cache-control", "no-store")
        return ResponseHead(status: status, fields: fields)
    }

    /// The JSON document.
    package var body: ByteBuffer {
        var json = ByteBuffer()
        json.writeStaticString("{\"type\":")
        JSONText.write(type, into: &json)
        json.writeStaticString(",\"title\":")
        JSONText.write(title, into: &json)
        json.writeStaticString(",\"status\":")
        json.writeString(String(status))
        json.writeStaticString(",\"detail\":")
        JSONText.write(detail, into: &json)
        json.writeStaticString("}\n")
        return json
    }
}

/// Strings in JSON (RFC 8259, 7).
package enum JSONText {
    /// Writes `text` with its quotation marks. Control characters, and `<` for documents that end up inside HTML, are
    /// escaped.
    package static func write(_ text: String, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
            case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
            case 0x0a: buffer.writeStaticString("\\n")
            case 0x00...0x1f, 0x7f, UInt8(ascii: "<"):
                buffer.writeStaticString("\\u00")
                for digit in [byte >> 4, byte & 0xf] {
                    buffer.writeInteger(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
                }
            default: buffer.writeInteger(byte)
            }
        }
        buffer.writeStaticString("\"")
    }
}

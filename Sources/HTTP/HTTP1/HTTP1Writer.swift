import struct NIOCore.ByteBuffer

/// How the serialiser ends a body (RFC 9112, 6).
package enum HTTP1BodyFraming: Sendable, Equatable {
    /// The status has no body: no framing field is written.
    case none
    /// The head's own Content-Length says it.
    case asGiven
    case length(Int)
    case chunked
    /// With the connection.
    case untilClose
}

/// Writes HTTP/1.1 messages. Fields that speak of the connection or the framing are the writer's alone: those in a head
/// are left out, so that a head taken over from elsewhere cannot contradict the bytes that follow it.
package enum HTTP1Writer {
    /// Writes a response's head. `toHTTP10` adds the word by which HTTP/1.0 clients keep a connection open.
    ///
    /// `connection` and `upgrade` are kept when both are there and belong together, and in a 101.
    package static func write(
        _ head: ResponseHead, framing: HTTP1BodyFraming, keepsAlive: Bool, toHTTP10: Bool = false,
        into buffer: inout ByteBuffer
    ) {
        buffer.reserveCapacity(minimumWritableBytes: head.fields.storedLines.count + 128)
        buffer.writeStaticString("HTTP/1.1 ")
        write(decimal: Int(head.status), into: &buffer)
        buffer.writeStaticString(" ")
        buffer.writeStaticString(StatusPhrase.phrase(of: head.status))
        buffer.writeStaticString("\r\n")
        write(
            head.fields, keepsLength: framing == .asGiven, keepsUpgrade: head.status == 101 || head.fields.isUpgrade,
            into: &buffer)
        switch framing {
        case .none, .asGiven, .untilClose: break
        case .length(let length):
            buffer.writeStaticString("content-length: ")
            write(decimal: length, into: &buffer)
            buffer.writeStaticString("\r\n")
        case .chunked: buffer.writeStaticString("transfer-encoding: chunked\r\n")
        }
        if head.status == 101 {
            // Its own connection field stands above.
        } else if !keepsAlive || framing == .untilClose {
            buffer.writeStaticString("connection: close\r\n")
        } else if toHTTP10 {
            buffer.writeStaticString("connection: keep-alive\r\n")
        }
        buffer.writeStaticString("\r\n")
    }

    /// Writes a request's head with Host from its authority. Bytes of the target that may not stand in a request line are
    /// percent-encoded. `bodyLength` bytes follow; `connection` and `upgrade` are kept when both are there.
    package static func write(_ request: RequestHead, bodyLength: Int = 0, into buffer: inout ByteBuffer) {
        buffer.reserveCapacity(
            minimumWritableBytes: request.fields.storedLines.count + request.target.count + request.authority.count
                + 128)
        buffer.writeString(request.method.name)
        buffer.writeStaticString(" ")
        write(target: request.target, into: &buffer)
        buffer.writeStaticString(" HTTP/1.1\r\nhost: ")
        buffer.writeBytes(request.authority.filter { $0 > 0x20 && $0 < 0x7f })
        buffer.writeStaticString("\r\n")
        write(request.fields, keepsLength: false, keepsUpgrade: request.fields.isUpgrade, into: &buffer)
        // RFC 9110, 8.6: methods that usually have a body say so even when it is empty.
        let expectsBody = request.method == .post || request.method == .put || request.method == .patch
        if bodyLength > 0 || expectsBody {
            buffer.writeStaticString("content-length: ")
            write(decimal: bodyLength, into: &buffer)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
    }

    /// Tells a client that waits for it to send its body (RFC 9110, 15.2.1).
    package static func continueInterim(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
    }

    // MARK: Chunks

    /// Writes the line before a chunk of `count` bytes, more than 0: an empty chunk would end the body.
    package static func chunkHead(count: Int, into buffer: inout ByteBuffer) {
        assert(count > 0, "an empty chunk ends the body: write nothing for an empty piece")
        var shift = 60
        while shift > 0, count >> shift & 0xf == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: count >> shift & 0xf)
            buffer.writeInteger(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
            shift -= 4
        }
        buffer.writeStaticString("\r\n")
    }

    /// Writes the line end behind a chunk's bytes.
    package static func chunkTail(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("\r\n")
    }

    /// Writes one whole chunk, or nothing when `bytes` is empty.
    package static func chunk(_ bytes: ByteBuffer, into buffer: inout ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        chunkHead(count: bytes.readableBytes, into: &buffer)
        buffer.writeImmutableBuffer(bytes)
        chunkTail(into: &buffer)
    }

    /// Writes the last chunk and the trailer fields, of which those that belong into a head are left out.
    package static func lastChunk(trailers: HTTPFields = HTTPFields(), into buffer: inout ByteBuffer) {
        buffer.writeStaticString("0\r\n")
        for (name, value) in trailers where !ForbiddenTrailers.contains(name) { write(name, value, into: &buffer) }
        buffer.writeStaticString("\r\n")
    }

    // MARK: Parts

    private static func write(
        _ fields: HTTPFields, keepsLength: Bool, keepsUpgrade: @autoclosure () -> Bool, into buffer: inout ByteBuffer
    ) {
        if fields.isSendableAsStored {
            buffer.writeBytes(fields.storedLines)
            return
        }
        let keepsUpgrade = keepsUpgrade()
        for (name, value) in fields {
            switch ConnectionField(name: name) {
            case nil: break
            case .contentLength where keepsLength: break
            case .connection where keepsUpgrade, .upgrade where keepsUpgrade: break
            default: continue
            }
            write(name, value, into: &buffer)
        }
    }

    private static func write(_ name: HTTPBytes, _ value: HTTPBytes, into buffer: inout ByteBuffer) {
        buffer.writeBytes(name)
        buffer.writeStaticString(": ")
        buffer.writeBytes(value)
        buffer.writeStaticString("\r\n")
    }

    private static func write(target: HTTPBytes, into buffer: inout ByteBuffer) {
        if target.isEmpty {
            buffer.writeStaticString("/")
        } else if target.allSatisfy(CharacterClass.isTarget) {
            buffer.writeBytes(target)
        } else {
            buffer.writeBytes(PercentCoding.encode(target, keeping: CharacterClass.isTarget))
        }
    }

    private static func write(decimal value: Int, into buffer: inout ByteBuffer) {
        // Small strings hold 15 bytes in place: no number of ours allocates.
        buffer.writeString(String(value))
    }
}

import struct NIOCore.ByteBuffer

/// The publisher's side of a connection, as load tests and relays play it: bytes in, effects out.
package struct OutgoingPublish {
    package enum Effect: Sendable, Equatable {
        case send(ByteBuffer)
        /// The server takes media from now on.
        case accepted
        /// The server refused the publish, or ended it, with its reason.
        case refused(String)
    }

    private enum State { case awaitingHandshake, connecting, creatingStream, publishing, accepted, ended }

    private let app: String
    private let streamKey: String
    private let url: String
    private var state = State.awaitingHandshake
    private var input = ByteBuffer()
    private var chunks: ChunkReader
    private let limits = RTMPLimits()

    /// Announced to the server: most frames then are one chunk.
    private static let chunkSize: UInt32 = 1 << 20
    private static let stream: UInt32 = 1

    /// `url` is what the publisher believes to connect to: `rtmp://host:port/app`.
    package init(app: String, streamKey: String, url: String) {
        self.app = app
        self.streamKey = streamKey
        self.url = url
        chunks = ChunkReader(limits: limits)
    }

    /// C0 and C1, with a version of zero: the handshake without digests.
    package func start() -> ByteBuffer {
        var hello = ByteBuffer()
        hello.writeInteger(UInt8(3))
        hello.writeRepeatingByte(0, count: Handshake.blockBytes)
        return hello
    }

    /// Consumes what the server sent.
    package mutating func receive(_ bytes: ByteBuffer, into effects: inout [Effect]) {
        if case .ended = state { return }
        input.writeImmutableBuffer(bytes)
        if case .awaitingHandshake = state {
            guard input.readableBytes >= 1 + 2 * Handshake.blockBytes, input.readInteger(as: UInt8.self) == 3,
                var reply = input.readSlice(length: Handshake.blockBytes),
                input.readSlice(length: Handshake.blockBytes) != nil
            else { return }
            // C2 repeats S1 (5.2.4).
            ChunkWriter.control(1, Self.chunkSize, into: &reply)
            command(
                [
                    .string("connect"), .number(1),
                    .object([
                        ("app", .string(app)), ("type", .string("nonprivate")),
                        ("flashVer", .string("FMLE/3.0 (compatible; Needletail)")), ("tcUrl", .string(url)),
                    ]),
                ], stream: 0, into: &reply)
            effects.append(.send(reply))
            state = .connecting
        }
        do throws(CloseReason) {
            while let message = try chunks.next(&input) { try handle(message, into: &effects) }
        } catch {
            refuse("the server's answer cannot be read: \(error)", into: &effects)
        }
    }

    /// A message of media or data: type 8 audio, 9 video, 18 data. `timestamp` is in milliseconds.
    package func message(type: UInt8, timestamp: UInt32, payload: ByteBuffer) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(payload.readableBytes + 32)
        ChunkWriter.write(
            type: type, stream: Self.stream, lane: type == 8 ? 4 : 6, timestamp: timestamp, payload: payload,
            chunkSize: Int(Self.chunkSize), into: &bytes)
        return bytes
    }

    /// What ends the publish in good order.
    package func end() -> ByteBuffer {
        var bytes = ByteBuffer()
        command([.string("deleteStream"), .number(0), .null, .number(Double(Self.stream))], stream: 0, into: &bytes)
        return bytes
    }

    private mutating func handle(_ message: RTMPMessage, into effects: inout [Effect]) throws(CloseReason) {
        var payload = message.payload
        switch message.type {
        case 1: if let size = payload.readInteger(as: UInt32.self) { try chunks.setChunkSize(size) }
        case 4:
            if payload.readInteger(as: UInt16.self) == 6, let time = payload.readInteger(as: UInt32.self) {
                var pong = ByteBuffer()
                ChunkWriter.event(7, time, into: &pong)
                effects.append(.send(pong))
            }
        case 20:
            var decoder = AMFDecoder(payload, limits: limits)
            try answer(try decoder.all(), into: &effects)
        default: break
        }
    }

    private mutating func answer(_ values: [AMFValue], into effects: inout [Effect]) throws(CloseReason) {
        let name = values.first?.string
        let information = values.last { $0["code"] != nil }
        switch (state, name) {
        case (.connecting, "_result"):
            state = .creatingStream
            send([.string("createStream"), .number(2), .null], into: &effects)
        case (.creatingStream, "_result"):
            state = .publishing
            send(
                [.string("publish"), .number(3), .null, .string(streamKey), .string("live")], stream: Self.stream,
                into: &effects)
        case (.publishing, "onStatus") where information?["code"]?.string == "NetStream.Publish.Start":
            state = .accepted
            effects.append(.accepted)
        case (_, "_error"),
            (_, "onStatus") where name == "_error" || information?["level"]?.string != "status":
            refuse(information?["description"]?.string ?? "no reason was given", into: &effects)
        default: break
        }
    }

    private mutating func refuse(_ reason: String, into effects: inout [Effect]) {
        state = .ended
        effects.append(.refused(reason))
    }

    private func send(_ values: [AMFValue], stream: UInt32 = 0, into effects: inout [Effect]) {
        var bytes = ByteBuffer()
        command(values, stream: stream, into: &bytes)
        effects.append(.send(bytes))
    }

    private func command(_ values: [AMFValue], stream: UInt32, into bytes: inout ByteBuffer) {
        var payload = ByteBuffer()
        for value in values { payload.write(amf: value) }
        ChunkWriter.write(
            type: 20, stream: stream, lane: 3, payload: payload, chunkSize: Int(Self.chunkSize), into: &bytes)
    }
}

import struct NIOCore.ByteBuffer

/// Life of one publisher's connection. Knows no socket and no clock: feed bytes and deadlines, perform the effects.
package struct PublisherSession {
    package enum Effect: Sendable, Equatable {
        case send(ByteBuffer)
        /// Answered by `authorized`, at once or later.
        case authorize(PublishRequest)
        case metadata(StreamMetadata)
        case video(VideoTag)
        case audio(AudioTag)
        /// A message of the publish, or a part of it, was left out.
        case fault(MessageFault)
        /// The publisher ended its publish; the connection may stay.
        case unpublished
        case close(CloseReason)
    }

    private enum State {
        case handshaking(Handshake)
        case connecting
        case connected(app: String, tcURL: String, publisher: String)
        /// Media waits in the input until the verdict comes.
        case awaitingVerdict(stream: UInt32)
        case publishing(stream: UInt32)
        case closed
    }

    private let limits: RTMPLimits
    private var state: State
    private var chunks: ChunkReader
    private var input = ByteBuffer()
    private var replies = Replies()
    /// When the way to a publish began: with the connection, or anew after an unpublish.
    private var phaseStart: ContinuousClock.Instant
    private var lastHeard: ContinuousClock.Instant
    private var received: UInt64 = 0
    private var acknowledged: UInt64 = 0
    private var acknowledgementWindow: UInt64 = 2_500_000
    private var application = (app: "", tcURL: "", publisher: "")

    package init(limits: RTMPLimits, at now: ContinuousClock.Instant, randomSeed: UInt64) {
        self.limits = limits
        state = .handshaking(Handshake(seed: randomSeed))
        chunks = ChunkReader(limits: limits)
        phaseStart = now
        lastHeard = now
    }

    // MARK: In

    /// Consumes what arrived, in any fragmentation. Never traps on what a stranger sent.
    package mutating func receive(_ bytes: ByteBuffer, at now: ContinuousClock.Instant, into effects: inout [Effect]) {
        if case .closed = state { return }
        lastHeard = now
        received &+= UInt64(bytes.readableBytes)
        if input.readableBytes == 0 { input = bytes } else { input.writeImmutableBuffer(bytes) }
        if case .awaitingVerdict = state, input.readableBytes > limits.undecidedBytes {
            return fail(.tooMuchUndecided(limit: limits.undecidedBytes), into: &effects)
        }
        run(into: &effects)
    }

    /// Brings the verdict on the request of the last `authorize`.
    package mutating func authorized(
        _ verdict: PublishVerdict, at now: ContinuousClock.Instant, into effects: inout [Effect]
    ) {
        guard case .awaitingVerdict(let stream) = state else { return }
        lastHeard = now
        switch verdict {
        case .accepted:
            state = .publishing(stream: stream)
            chunks.messageLimit = limits.messageBytes
            replies.streamBegin(stream)
            replies.status("status", "NetStream.Publish.Start", "Publishing.", stream: stream)
            run(into: &effects)
        case .refused(let code, let description):
            replies.status("error", code, description, stream: stream)
            fail(.refused(description), into: &effects)
        }
    }

    /// The server ends the publish and says why.
    package mutating func stop(reason: String, at now: ContinuousClock.Instant, into effects: inout [Effect]) {
        switch state {
        case .publishing(let stream), .awaitingVerdict(let stream):
            replies.status("error", "NetStream.Publish.Denied", reason, stream: stream)
            fail(.dismissed(reason), into: &effects)
        case .closed: return
        case .handshaking, .connecting, .connected: fail(.dismissed(reason), into: &effects)
        }
    }

    /// Ends what takes too long. Call at or after `nextDeadline`.
    package mutating func tick(at now: ContinuousClock.Instant, into effects: inout [Effect]) {
        guard let nextDeadline, now >= nextDeadline else { return }
        switch state {
        case .handshaking: fail(.handshakeTimedOut, into: &effects)
        case .connecting, .connected, .awaitingVerdict: fail(.notPublishedInTime, into: &effects)
        case .publishing: fail(.silent(for: limits.idleTimeout), into: &effects)
        case .closed: return
        }
    }

    /// When `tick` has something to do, if nothing arrives before.
    package var nextDeadline: ContinuousClock.Instant? {
        switch state {
        // One deadline for the whole way: nobody gets another by taking a step.
        case .handshaking, .connecting, .connected, .awaitingVerdict: phaseStart + limits.handshakeTimeout
        case .publishing: lastHeard + limits.idleTimeout
        case .closed: nil
        }
    }

    // MARK: Bytes to messages

    private mutating func run(into effects: inout [Effect]) {
        do throws(CloseReason) {
            if case .handshaking(var handshake) = state {
                let isDone = try handshake.advance(&input, output: &replies.output)
                state = isDone ? .connecting : .handshaking(handshake)
                if !isDone { return flush(into: &effects) }
            }
            while isReading, let message = try chunks.next(&input) { try handle(message, into: &effects) }
            acknowledge()
            flush(into: &effects)
        } catch {
            fail(error, into: &effects)
        }
        // What was consumed is not kept alive by the rest of it.
        if input.readableBytes == 0 { input = ByteBuffer() }
    }

    /// While a verdict is awaited, what follows stays in the input.
    private var isReading: Bool {
        switch state {
        case .connecting, .connected, .publishing: true
        case .handshaking, .awaitingVerdict, .closed: false
        }
    }

    private mutating func acknowledge() {
        guard received - acknowledged >= acknowledgementWindow else { return }
        acknowledged = received
        replies.acknowledge(UInt32(truncatingIfNeeded: received))
    }

    private mutating func flush(into effects: inout [Effect]) {
        guard replies.output.readableBytes > 0 else { return }
        effects.append(.send(replies.output))
        replies.output = ByteBuffer()
    }

    private mutating func fail(_ reason: CloseReason, into effects: inout [Effect]) {
        if case .publishing(let stream) = state, reason.isTold {
            replies.status("error", "NetStream.Publish.Failed", "The publish is ended: \(reason).", stream: stream)
        }
        flush(into: &effects)
        state = .closed
        input = ByteBuffer()
        effects.append(.close(reason))
    }

    // MARK: Messages

    private mutating func handle(_ message: RTMPMessage, into effects: inout [Effect]) throws(CloseReason) {
        var payload = message.payload
        switch message.type {
        case 1:
            guard let size = payload.readInteger(as: UInt32.self) else { throw .malformedControl(type: 1) }
            try chunks.setChunkSize(size)
        case 2:
            guard let lane = payload.readInteger(as: UInt32.self) else { return leaveOut(message, into: &effects) }
            chunks.abort(lane: lane)
        case 4:
            guard let event = payload.readInteger(as: UInt16.self) else { return leaveOut(message, into: &effects) }
            if event == 6, let time = payload.readInteger(as: UInt32.self) { replies.pong(time) }
        case 5:
            guard let window = payload.readInteger(as: UInt32.self) else { return leaveOut(message, into: &effects) }
            // A window of nothing asks for no acknowledgement.
            acknowledgementWindow = window > 0 ? UInt64(window) : .max
        case 8, 9, 22: media(message, into: &effects)
        case 15, 18: data(message, into: &effects)
        case 17, 20: try command(message, isAMF3: message.type == 17, into: &effects)
        // Acknowledgements and peer bandwidth ask nothing of a server that sends almost nothing.
        case 3, 6: break
        case let type: effects.append(.fault(.unknownType(type)))
        }
    }

    private func leaveOut(_ control: RTMPMessage, into effects: inout [Effect]) {
        effects.append(.fault(.malformedControl(type: control.type)))
    }

    private func media(_ message: RTMPMessage, into effects: inout [Effect]) {
        guard case .publishing = state, message.payload.readableBytes > 0 else { return }
        switch message.type {
        case 8:
            let reading = TagReader.audio(message)
            for tag in reading.tags { effects.append(.audio(tag)) }
            if let fault = reading.fault { effects.append(.fault(.audio(fault))) }
        case 9:
            let reading = TagReader.video(message)
            for tag in reading.tags { effects.append(.video(tag)) }
            if let fault = reading.fault { effects.append(.fault(.video(fault))) }
        case 22: aggregate(message, into: &effects)
        case 18: data(message, into: &effects)
        case let type: effects.append(.fault(.unknownType(type)))
        }
    }

    /// An aggregate message (7.1.6): FLV tags one after the other, their times relative to the first.
    private func aggregate(_ message: RTMPMessage, into effects: inout [Effect]) {
        var bytes = message.payload
        var base: UInt32?
        while bytes.readableBytes > 0 {
            guard let type = bytes.readInteger(as: UInt8.self), let size = bytes.readUInt24(),
                let low = bytes.readUInt24(), let high = bytes.readInteger(as: UInt8.self),
                bytes.readUInt24() != nil, let body = bytes.readSlice(length: Int(size)), type != 22
            else { return effects.append(.fault(.aggregate)) }
            let time = UInt32(high) << 24 | low
            let first = base ?? time
            base = first
            media(
                RTMPMessage(
                    type: type, stream: message.stream, timestamp: message.timestamp &+ (time &- first),
                    payload: body), into: &effects)
            // Some senders leave the last length out.
            if bytes.readInteger(as: UInt32.self) == nil, bytes.readableBytes > 0 {
                return effects.append(.fault(.aggregate))
            }
        }
    }

    private func data(_ message: RTMPMessage, into effects: inout [Effect]) {
        guard case .publishing = state else { return }
        if let bytes = message.passedOver {
            return effects.append(.fault(.largeData(bytes: bytes, limit: limits.dataBytes)))
        }
        var decoder = AMFDecoder(Self.amf0(message.payload, message.type == 15), limits: limits)
        let (values, fault) = decoder.salvage()
        var rest = values[...]
        if rest.first?.string == "@setDataFrame" { rest = rest.dropFirst() }
        func malformed(_ reason: String) { effects.append(.fault(.malformedData(reason: reason))) }
        guard let name = rest.first?.string else {
            return malformed(fault.map { "\($0)" } ?? (decoder.endsInAMF3 ? Self.unread : "it has no name"))
        }
        guard name == "onMetaData" else {
            return effects.append(.fault(.unknownData(String(name.prefix(40)))))
        }
        if case .object? = rest.dropFirst().first, let properties = rest.dropFirst().first {
            effects.append(.metadata(StreamMetadata(properties)))
            if let fault { malformed("\(fault)") }
        } else {
            malformed(fault.map { "\($0)" } ?? (decoder.endsInAMF3 ? Self.unread : "onMetaData has no properties"))
        }
    }

    private static let unread = "it is in AMF3, of which nothing is read"

    /// An AMF3 message begins with a byte that says that AMF0 follows.
    private static func amf0(_ payload: ByteBuffer, _ isAMF3: Bool) -> ByteBuffer {
        var payload = payload
        if isAMF3, payload.getInteger(at: payload.readerIndex, as: UInt8.self) == 0 {
            payload.moveReaderIndex(forwardBy: 1)
        }
        return payload
    }

    // MARK: Commands

    private mutating func command(
        _ message: RTMPMessage, isAMF3: Bool, into effects: inout [Effect]
    ) throws(CloseReason) {
        let values = try AMFDecoder(Self.amf0(message.payload, isAMF3), limits: limits).decoded()
        guard let name = values.first?.string else { throw .malformedCommand("it has no name") }
        let transaction = values.dropFirst().first?.number ?? 0
        let arguments = values.dropFirst(2)
        switch name {
        case "connect": connect(transaction, arguments.first)
        case "createStream": replies.result(transaction: transaction, value: .number(1))
        case "publish":
            try publish(arguments.dropFirst().first?.string ?? "", stream: max(1, message.stream), into: &effects)
        case "FCUnpublish", "deleteStream", "closeStream":
            if transaction != 0 && name == "FCUnpublish" { replies.result(transaction: transaction) }
            unpublish(into: &effects)
        case "play", "play2":
            replies.status(
                "error", "NetStream.Play.Failed", "This server takes publishers only; watch by HLS.",
                stream: max(1, message.stream))
            fail(.refused("playing by RTMP is not offered"), into: &effects)
        // releaseStream, FCPublish, _checkbw, getStreamLength and whatever else a publisher may call.
        default: if transaction != 0 && !name.hasPrefix("_") { replies.result(transaction: transaction) }
        }
    }

    private mutating func connect(_ transaction: Double, _ properties: AMFValue?) {
        guard case .connecting = state else { return }
        var app = properties?["app"]?.string ?? ""
        while app.hasSuffix("/") { app.removeLast() }
        application = (
            app: String(app.prefix(256)), tcURL: String((properties?["tcUrl"]?.string ?? "").prefix(512)),
            publisher: String((properties?["flashVer"]?.string ?? "unknown").prefix(80))
        )
        state = .connected(app: application.app, tcURL: application.tcURL, publisher: application.publisher)
        replies.connectResult(transaction: transaction)
    }

    private mutating func publish(
        _ name: String, stream: UInt32, into effects: inout [Effect]
    ) throws(CloseReason) {
        guard case .connected(let app, let tcURL, let publisher) = state else {
            if case .connecting = state { throw .malformedCommand("publish came before connect") }
            return
        }
        let appName = StreamName(app)
        let streamName = StreamName(name)
        guard StreamName.isValidKey(streamName.key, limits: limits) else {
            let rule = "A stream key has 1 to \(limits.streamKeyBytes) letters, digits or \(limits.streamKeySymbols)"
            replies.status("error", "NetStream.Publish.BadName", rule, stream: stream)
            return fail(.refused("the stream key is empty, too long or has other characters"), into: &effects)
        }
        state = .awaitingVerdict(stream: stream)
        flush(into: &effects)
        effects.append(
            .authorize(
                PublishRequest(
                    app: appName.key, streamKey: streamName.key,
                    query: appName.query.merging(streamName.query) { $1 }, tcURL: tcURL, publisher: publisher)))
    }

    /// The publisher is done; on the same connection it may publish again.
    private mutating func unpublish(into effects: inout [Effect]) {
        guard case .publishing(let stream) = state else { return }
        replies.status("status", "NetStream.Unpublish.Success", "Stream ended.", stream: stream)
        state = .connected(app: application.app, tcURL: application.tcURL, publisher: application.publisher)
        chunks.messageLimit = limits.commandBytes
        phaseStart = lastHeard
        effects.append(.unpublished)
    }
}

extension AMFDecoder {
    fileprivate func decoded() throws(CloseReason) -> [AMFValue] {
        var decoder = self
        return try decoder.all()
    }
}

import struct NIOCore.ByteBuffer

/// The tags of a message of media, and what is wrong with the rest of it.
struct TagReading<Tag> {
    var tags: [Tag] = []
    var fault: TagFault?

    /// A message of which nothing can be read.
    static func fault(_ fault: TagFault) -> Self { Self(fault: fault) }
    static func tag(_ tag: Tag) -> Self { Self(tags: [tag]) }
}

/// Reads the bodies of audio and video messages: FLV (annex E.4.2, E.4.3) and Enhanced RTMP 2. Messages that carry no media
/// (seek commands, colour metadata, a map of channels) give no tags and are no fault.
enum TagReader {
    // MARK: Video

    static func video(_ message: RTMPMessage) -> TagReading<VideoTag> {
        var bytes = message.payload
        guard let first = bytes.readInteger(as: UInt8.self) else { return .fault(.truncated) }
        if first & 0x80 != 0 { return enhancedVideo(first, &bytes, timestamp: message.timestamp) }
        // Frame type 5 carries a command, not a frame.
        guard first >> 4 != 5 else { return TagReading() }
        let tag = { (codec: VideoTagCodec, kind: VideoTag.Kind) in
            VideoTag(
                timestamp: message.timestamp, trackID: 0, codec: codec, kind: kind, isKeyFrameFlag: first >> 4 == 1,
                nanosecondOffset: 0)
        }
        let codec: VideoTagCodec
        switch first & 15 {
        case 7: codec = .h264
        case 12: codec = .hevc
        // Older codecs have neither packet types nor composition times.
        case let id: return .tag(tag(.other("id \(id)"), .frame(bytes, compositionOffsetMilliseconds: 0)))
        }
        guard let packet = bytes.readInteger(as: UInt8.self), let offset = bytes.readInt24() else {
            return .fault(.truncated)
        }
        switch packet {
        case 0: return .tag(tag(codec, .configuration(bytes)))
        case 1: return .tag(tag(codec, .frame(bytes, compositionOffsetMilliseconds: offset)))
        case 2: return .tag(tag(codec, .endOfSequence))
        default: return .fault(.packetType(packet))
        }
    }

    private static func enhancedVideo(
        _ first: UInt8, _ bytes: inout ByteBuffer, timestamp: UInt32
    ) -> TagReading<VideoTag> {
        let frameType = first >> 4 & 7
        return enhanced(first, multitrack: 6, &bytes) { (track, nanoseconds) throws(TagFault) in
            // Colour metadata, or a command.
            if track.packet == 4 || frameType == 5 { return nil }
            var body = track.body
            let codec: VideoTagCodec
            switch track.fourCC {
            case "avc1": codec = .h264
            case "hvc1": codec = .hevc
            case "av01": codec = .av1
            default: codec = .other(track.fourCC)
            }
            let kind: VideoTag.Kind
            switch track.packet {
            case 0: kind = .configuration(body)
            case 1:
                var offset: Int32 = 0
                if codec == .h264 || codec == .hevc {
                    guard let read = body.readInt24() else { throw .truncated }
                    offset = read
                }
                kind = .frame(body, compositionOffsetMilliseconds: offset)
            case 2: kind = .endOfSequence
            case 3: kind = .frame(body, compositionOffsetMilliseconds: 0)
            default: throw .packetType(track.packet)
            }
            return VideoTag(
                timestamp: timestamp, trackID: track.id, codec: codec, kind: kind, isKeyFrameFlag: frameType == 1,
                nanosecondOffset: nanoseconds)
        }
    }

    // MARK: Audio

    static func audio(_ message: RTMPMessage) -> TagReading<AudioTag> {
        var bytes = message.payload
        guard let first = bytes.readInteger(as: UInt8.self) else { return .fault(.truncated) }
        if first >> 4 == 9 { return enhancedAudio(first, &bytes, timestamp: message.timestamp) }
        let tag = { (codec: AudioTagCodec, kind: AudioTag.Kind) in
            AudioTag(timestamp: message.timestamp, trackID: 0, codec: codec, kind: kind, nanosecondOffset: 0)
        }
        guard first >> 4 == 10 else { return .tag(tag(.other("id \(first >> 4)"), .frame(bytes))) }
        switch bytes.readInteger(as: UInt8.self) {
        case 0: return .tag(tag(.aac, .configuration(bytes)))
        case 1: return .tag(tag(.aac, .frame(bytes)))
        case nil: return .fault(.truncated)
        case let packet?: return .fault(.packetType(packet))
        }
    }

    private static func enhancedAudio(
        _ first: UInt8, _ bytes: inout ByteBuffer, timestamp: UInt32
    ) -> TagReading<AudioTag> {
        enhanced(first, multitrack: 5, &bytes) { (track, nanoseconds) throws(TagFault) in
            let codec: AudioTagCodec
            switch track.fourCC {
            case "mp4a": codec = .aac
            case "Opus": codec = .opus
            default: codec = .other(track.fourCC)
            }
            let kind: AudioTag.Kind
            switch track.packet {
            case 0: kind = .configuration(track.body)
            case 1: kind = .frame(track.body)
            case 2: kind = .endOfSequence
            // A map of channels: the codec's own configuration tells them.
            case 4: return nil
            default: throw .packetType(track.packet)
            }
            return AudioTag(
                timestamp: timestamp, trackID: track.id, codec: codec, kind: kind, nanosecondOffset: nanoseconds)
        }
    }

    // MARK: Enhanced RTMP

    private struct Track {
        let id: UInt8
        let packet: UInt8
        let fourCC: String
        let body: ByteBuffer
    }

    /// Tracks in one message.
    private static let mostTracks = 16
    /// ModEx prefixes in one message.
    private static let mostExtensions = 8

    /// Makes a tag of each track of a message; the first fault is kept, and what was read before it.
    private static func enhanced<Tag>(
        _ first: UInt8, multitrack: UInt8, _ bytes: inout ByteBuffer,
        _ tag: (Track, _ nanoseconds: UInt32) throws(TagFault) -> Tag?
    ) -> TagReading<Tag> {
        var reading = TagReading<Tag>()
        do throws(TagFault) {
            let (packet, nanoseconds) = try readExtensions(first & 15, &bytes, fault: &reading.fault)
            try eachTrack(packet, multitrack: multitrack, &bytes) { track throws(TagFault) in
                if let tag = try tag(track, nanoseconds) { reading.tags.append(tag) }
            }
        } catch {
            reading.fault = error
        }
        return reading
    }

    /// Passes over ModEx prefixes (packet type 7). Returns the packet type that they lead to.
    private static func readExtensions(
        _ first: UInt8, _ bytes: inout ByteBuffer, fault: inout TagFault?
    ) throws(TagFault) -> (UInt8, nanoseconds: UInt32) {
        var packet = first
        var nanoseconds: UInt32 = 0
        for _ in 0..<mostExtensions {
            guard packet == 7 else { return (packet, nanoseconds) }
            guard let short = bytes.readInteger(as: UInt8.self) else { throw .truncated }
            var size = Int(short) + 1
            if size == 256 {
                guard let long = bytes.readInteger(as: UInt16.self) else { throw .truncated }
                size = Int(long) + 1
            }
            guard var data = bytes.readSlice(length: size), let next = bytes.readInteger(as: UInt8.self) else {
                throw .truncated
            }
            if next >> 4 == 0, let offset = data.readUInt24() {
                // A millisecond at most: what is more is no offset, and the frame keeps its timestamp.
                if offset <= 999_999 { nanoseconds = offset } else { fault = .nanoseconds }
            }
            packet = next & 15
        }
        throw .tooManyExtensions(limit: mostExtensions)
    }

    /// Goes through the tracks of a message: one, or several where it is a multitrack packet.
    private static func eachTrack(
        _ packet: UInt8, multitrack: UInt8, _ bytes: inout ByteBuffer,
        _ body: (Track) throws(TagFault) -> Void
    ) throws(TagFault) {
        guard packet == multitrack else {
            return try body(Track(id: 0, packet: packet, fourCC: try readFourCC(&bytes), body: bytes))
        }
        guard let head = bytes.readInteger(as: UInt8.self) else { throw .truncated }
        let (arrangement, inner) = (head >> 4, head & 15)
        // 0: one track; 1: many tracks of one codec; 2: many tracks, each with its codec.
        guard arrangement <= 2 else { throw .arrangement(arrangement) }
        guard inner != multitrack else { throw .packetType(inner) }
        let shared = arrangement < 2 ? try readFourCC(&bytes) : nil
        for count in 0... {
            if bytes.readableBytes == 0 { return }
            guard count < mostTracks else { throw .tooManyTracks(limit: mostTracks) }
            let fourCC = if let shared { shared } else { try readFourCC(&bytes) }
            guard let id = bytes.readInteger(as: UInt8.self) else { throw .truncated }
            if arrangement == 0 { return try body(Track(id: id, packet: inner, fourCC: fourCC, body: bytes)) }
            guard let size = bytes.readUInt24(), let slice = bytes.readSlice(length: Int(size)) else {
                throw .truncated
            }
            try body(Track(id: id, packet: inner, fourCC: fourCC, body: slice))
        }
    }

    private static func readFourCC(_ bytes: inout ByteBuffer) throws(TagFault) -> String {
        guard let code = bytes.readBytes(length: 4) else { throw .truncated }
        // What is not printable is not a code that anybody gave.
        return String(decoding: code.map { (0x20..<0x7f).contains($0) ? $0 : 0x3f }, as: UTF8.self)
    }
}

extension ByteBuffer {
    fileprivate mutating func readInt24() -> Int32? {
        readUInt24().map { $0 & 0x80_0000 == 0 ? Int32($0) : Int32($0) - 0x100_0000 }
    }
}

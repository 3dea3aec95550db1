import struct NIOCore.ByteBuffer

/// Reads the bodies of audio and video messages: FLV (annex E.4.2, E.4.3) and Enhanced RTMP 2. What is malformed or
/// of no use here gives no tags.
enum TagReader {
    // MARK: Video

    static func video(_ message: RTMPMessage) -> [VideoTag] {
        var bytes = message.payload
        guard let first = bytes.readInteger(as: UInt8.self) else { return [] }
        if first & 0x80 != 0 { return enhancedVideo(first, &bytes, timestamp: message.timestamp) }
        let codec: VideoTagCodec
        switch first & 15 {
        case 7: codec = .h264
        case 12: codec = .hevc
        case let id: codec = .other("id \(id)")
        }
        // Frame type 5 carries a command, not a frame.
        guard first >> 4 != 5, let packet = bytes.readInteger(as: UInt8.self), let offset = bytes.readInt24() else {
            return []
        }
        let kind: VideoTag.Kind
        switch packet {
        case 0: kind = .configuration(bytes)
        case 1: kind = .frame(bytes, compositionOffsetMilliseconds: offset)
        case 2: kind = .endOfSequence
        default: return []
        }
        return [
            VideoTag(
                timestamp: message.timestamp, trackID: 0, codec: codec, kind: kind, isKeyFrameFlag: first >> 4 == 1,
                nanosecondOffset: 0)
        ]
    }

    private static func enhancedVideo(_ first: UInt8, _ bytes: inout ByteBuffer, timestamp: UInt32) -> [VideoTag] {
        let frameType = first >> 4 & 7
        guard let (packet, nanoseconds) = readExtensions(first & 15, &bytes) else { return [] }
        if frameType == 5 && packet != 4 { return [] }
        return tracks(packet, multitrack: 6, &bytes).compactMap { track in
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
                    guard let read = body.readInt24() else { return nil }
                    offset = read
                }
                kind = .frame(body, compositionOffsetMilliseconds: offset)
            case 2: kind = .endOfSequence
            case 3: kind = .frame(body, compositionOffsetMilliseconds: 0)
            default: return nil
            }
            return VideoTag(
                timestamp: timestamp, trackID: track.id, codec: codec, kind: kind, isKeyFrameFlag: frameType == 1,
                nanosecondOffset: nanoseconds)
        }
    }

    // MARK: Audio

    static func audio(_ message: RTMPMessage) -> [AudioTag] {
        var bytes = message.payload
        guard let first = bytes.readInteger(as: UInt8.self) else { return [] }
        if first >> 4 == 9 { return enhancedAudio(first, &bytes, timestamp: message.timestamp) }
        guard first >> 4 == 10 else {
            return [
                AudioTag(
                    timestamp: message.timestamp, trackID: 0, codec: .other("id \(first >> 4)"), kind: .frame(bytes),
                    nanosecondOffset: 0)
            ]
        }
        guard let packet = bytes.readInteger(as: UInt8.self) else { return [] }
        let kind: AudioTag.Kind = packet == 0 ? .configuration(bytes) : .frame(bytes)
        return [AudioTag(timestamp: message.timestamp, trackID: 0, codec: .aac, kind: kind, nanosecondOffset: 0)]
    }

    private static func enhancedAudio(_ first: UInt8, _ bytes: inout ByteBuffer, timestamp: UInt32) -> [AudioTag] {
        guard let (packet, nanoseconds) = readExtensions(first & 15, &bytes) else { return [] }
        return tracks(packet, multitrack: 5, &bytes).compactMap { track in
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
            default: return nil
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

    /// Passes over ModEx prefixes (packet type 7). Returns the packet type that they lead to.
    private static func readExtensions(_ first: UInt8, _ bytes: inout ByteBuffer) -> (UInt8, nanoseconds: UInt32)? {
        var packet = first
        var nanoseconds: UInt32 = 0
        for _ in 0..<8 {
            guard packet == 7 else { return (packet, nanoseconds) }
            guard let short = bytes.readInteger(as: UInt8.self) else { return nil }
            var size = Int(short) + 1
            if size == 256 {
                guard let long = bytes.readInteger(as: UInt16.self) else { return nil }
                size = Int(long) + 1
            }
            guard var data = bytes.readSlice(length: size), let next = bytes.readInteger(as: UInt8.self) else {
                return nil
            }
            if next >> 4 == 0, let offset = data.readUInt24() { nanoseconds = min(offset, 999_999) }
            packet = next & 15
        }
        return nil
    }

    /// The tracks of a message: one, or several where it is a multitrack packet.
    private static func tracks(_ packet: UInt8, multitrack: UInt8, _ bytes: inout ByteBuffer) -> [Track] {
        guard packet == multitrack else {
            guard let fourCC = bytes.readString(length: 4) else { return [] }
            return [Track(id: 0, packet: packet, fourCC: fourCC, body: bytes)]
        }
        guard let head = bytes.readInteger(as: UInt8.self) else { return [] }
        let arrangement = head >> 4
        let inner = head & 15
        // 0: one track; 1: many tracks of one codec; 2: many tracks, each with its codec.
        guard arrangement <= 2, inner != multitrack else { return [] }
        var shared: String?
        if arrangement < 2 {
            guard let fourCC = bytes.readString(length: 4) else { return [] }
            shared = fourCC
        }
        var found: [Track] = []
        while found.count < 16, bytes.readableBytes > 0 {
            guard let fourCC = shared ?? bytes.readString(length: 4), let id = bytes.readInteger(as: UInt8.self) else {
                break
            }
            if arrangement == 0 {
                found.append(Track(id: id, packet: inner, fourCC: fourCC, body: bytes))
                break
            }
            guard let size = bytes.readUInt24(), let body = bytes.readSlice(length: Int(size)) else { break }
            found.append(Track(id: id, packet: inner, fourCC: fourCC, body: body))
        }
        return found
    }
}

extension ByteBuffer {
    fileprivate mutating func readInt24() -> Int32? {
        readUInt24().map { $0 & 0x80_0000 == 0 ? Int32($0) : Int32($0) - 0x100_0000 }
    }
}

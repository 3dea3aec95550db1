import Libav
import LoadtestCore
import NIOCore

/// A clip made ready to be published without encoding: the bodies of its RTMP messages, in order of time.
struct Clip: Sendable {
    struct Message: Sendable {
        /// RTMP message type: 8 audio, 9 video.
        let type: UInt8
        /// Decode time from the clip's begin, in milliseconds.
        let milliseconds: Double
        let payload: ByteBuffer
    }

    struct Unusable: Error, CustomStringConvertible { let description: String }

    /// Sequence headers, sent once before all else.
    private(set) var headers: [Message] = []
    private(set) var messages: [Message] = []
    /// Seconds after which the clip begins anew.
    private(set) var duration: Double = 0
    /// Bytes of the length before each NAL unit (ISO 14496-15, lengthSizeMinusOne).
    private var lengthBytes = 4

    /// Reads a file with H.264 and AAC.
    init(path: String) throws {
        let reader = try MediaFileReader(path: path)
        for track in reader.tracks {
            switch track.codec {
            case .h264:
                let configuration = track.configuration
                let size = configuration.getInteger(at: configuration.readerIndex + 4, as: UInt8.self) ?? 3
                lengthBytes = Int(size & 3) + 1
                headers.append(.init(type: 9, milliseconds: 0, payload: Self.video(0, 0, true, track.configuration)))
            case .aac: headers.append(.init(type: 8, milliseconds: 0, payload: Self.audio(0, track.configuration)))
            default: throw Unusable(description: "\(path): the load test publishes H.264 and AAC, not \(track.codec)")
            }
        }
        while let packet = try reader.next() {
            let track = reader.tracks[packet.track]
            let unit = 1_000 * Double(track.timeBase.numerator) / Double(track.timeBase.denominator)
            let time = Double(packet.decodeTime) * unit
            let composition = Double(packet.presentationTime - packet.decodeTime) * unit
            let isVideo = track.kind == .video
            messages.append(
                Message(
                    type: isVideo ? 9 : 8, milliseconds: time,
                    payload: isVideo
                        ? Self.video(1, Int32(composition.rounded()), packet.isKey, packet.bytes)
                        : Self.audio(1, packet.bytes)))
            if isVideo { duration = max(duration, (time + Double(packet.duration) * unit) / 1_000) }
        }
        guard let first = messages.first(where: { $0.type == 9 })?.milliseconds, duration > 0 else {
            throw Unusable(description: "\(path) has no pictures")
        }
        // B-frames make the first decode time negative: the clip begins at zero.
        let start = min(0, first)
        messages = messages.map { Message(type: $0.type, milliseconds: $0.milliseconds - start, payload: $0.payload) }
            .sorted { $0.milliseconds < $1.milliseconds }
    }

    /// The body of a picture's message with its times in the bitstream.
    func stamped(_ message: Message, _ stamp: FrameStamp) -> ByteBuffer {
        Self.stamped(message.payload, stamp, lengthBytes: lengthBytes)
    }

    /// The same for the body of any H.264 frame's message: five bytes of FLV, then the access unit.
    static func stamped(_ payload: ByteBuffer, _ stamp: FrameStamp, lengthBytes: Int) -> ByteBuffer {
        var unit = payload
        guard var body = unit.readSlice(length: 5) else { return payload }
        body.writeImmutableBuffer(stamp.inserted(into: unit, lengthBytes: lengthBytes))
        return body
    }

    /// A video message of FLV (E.4.3): 0 is a configuration, 1 a frame.
    private static func video(_ kind: UInt8, _ composition: Int32, _ isKey: Bool, _ body: ByteBuffer) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeBytes([isKey ? 0x17 : 0x27, kind])
        let offset = UInt32(bitPattern: composition)
        message.writeBytes([UInt8(offset >> 16 & 255), UInt8(offset >> 8 & 255), UInt8(offset & 255)])
        message.writeImmutableBuffer(body)
        return message
    }

    /// An audio message of FLV (E.4.2): AAC.
    private static func audio(_ kind: UInt8, _ body: ByteBuffer) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeBytes([0xAF, kind])
        message.writeImmutableBuffer(body)
        return message
    }
}

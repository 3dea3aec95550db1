import Media
import RTMP

extension VideoPacket {
    /// A video tag as the packager takes it; nil for further tracks and for codecs that are not packaged.
    init?(_ tag: VideoTag) {
        guard tag.trackID == 0 else { return nil }
        let codec: VideoCodec
        switch tag.codec {
        case .h264: codec = .h264
        case .hevc: codec = .hevc
        case .av1: codec = .av1
        case .other: return nil
        }
        var offset: Int32 = 0
        let payload: PacketPayload
        switch tag.kind {
        case .configuration(let record): payload = .configuration(record)
        case .frame(let bytes, let composition):
            payload = .frame(bytes)
            offset = composition
        case .endOfSequence: payload = .end
        }
        self.init(
            codec: codec, timestampMilliseconds: tag.timestamp, compositionOffsetMilliseconds: offset,
            nanosecondOffset: tag.nanosecondOffset, payload: payload)
    }
}

extension AudioPacket {
    /// An audio tag as the packager takes it; nil for further tracks and for codecs that are not packaged.
    init?(_ tag: AudioTag) {
        guard tag.trackID == 0 else { return nil }
        let codec: AudioCodec
        switch tag.codec {
        case .aac: codec = .aac
        case .opus: codec = .opus
        case .other: return nil
        }
        let payload: PacketPayload
        switch tag.kind {
        case .configuration(let record): payload = .configuration(record)
        case .frame(let bytes): payload = .frame(bytes)
        case .endOfSequence: payload = .end
        }
        self.init(
            codec: codec, timestampMilliseconds: tag.timestamp, nanosecondOffset: tag.nanosecondOffset,
            payload: payload)
    }
}

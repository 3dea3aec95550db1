import Media
import RTMP

extension VideoPacket {
    /// A video tag as the packager takes it.
    ///
    /// - Throws: what it is where it is not packaged: of a further track, or in a codec that is not supported.
    init(_ tag: VideoTag) throws(PublishWarning) {
        guard tag.trackID == 0 else { throw .otherTrack(.video, id: tag.trackID) }
        let codec: VideoCodec
        switch tag.codec {
        case .h264: codec = .h264
        case .hevc: codec = .hevc
        case .av1: codec = .av1
        case .other: throw .unsupportedCodec(.video, name: tag.codec.name)
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
    /// An audio tag as the packager takes it.
    ///
    /// - Throws: what it is where it is not packaged: of a further track, or in a codec that is not supported.
    init(_ tag: AudioTag) throws(PublishWarning) {
        guard tag.trackID == 0 else { throw .otherTrack(.audio, id: tag.trackID) }
        let codec: AudioCodec
        switch tag.codec {
        case .aac: codec = .aac
        case .opus: codec = .opus
        case .other: throw .unsupportedCodec(.audio, name: tag.codec.name)
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

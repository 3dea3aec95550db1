import NIOCore

/// One track of a file.
package struct MediaTrack: Sendable, Equatable {
    package enum Codec: Sendable, Equatable { case h264, hevc, av1, aac, opus, other(String) }
    package enum Kind: Sendable, Equatable { case video, audio, other }

    package let index: Int
    package let kind: Kind
    package let codec: Codec
    /// Seconds in one unit of its packets' times, as a fraction.
    package let timeBase: (numerator: Int32, denominator: Int32)
    /// The decoder's configuration: avcC, hvcC, av1C, AudioSpecificConfig or OpusHead, as the container has it.
    package let configuration: ByteBuffer
    /// Pixels; 0 for sound.
    package let width: Int
    package let height: Int
    /// Hertz; 0 for pictures.
    package let sampleRate: Int
    package let channels: Int

    package static func == (a: MediaTrack, b: MediaTrack) -> Bool {
        a.index == b.index && a.kind == b.kind && a.codec == b.codec && a.timeBase == b.timeBase
            && a.configuration == b.configuration && a.width == b.width && a.height == b.height
            && a.sampleRate == b.sampleRate && a.channels == b.channels
    }
}

/// One encoded frame, as the container holds it.
package struct MediaPacket: Sendable, Equatable {
    package var track: Int
    /// Times in the track's time base.
    package var decodeTime: Int64
    package var presentationTime: Int64
    package var duration: Int64
    package var isKey: Bool
    package var bytes: ByteBuffer
}

import Logging
import Media
import RTMP

/// What a publish consists of, in one line for the log: formats from its init sections, rates from what came.
struct PublishSummary {
    private struct Track {
        var format: TrackFormat?
        /// Frames but the last one, and their bytes.
        private var frames = 0
        private var bytes = 0
        private var last: (stamp: UInt32, bytes: Int)?
        /// How long they last by their timestamps, in milliseconds.
        private(set) var span: Int64 = 0

        /// Longest step that is a frame's duration, not a jump, in milliseconds.
        private static let longestStep: Int32 = 30_000

        var hasFrames: Bool { last != nil }

        mutating func note(_ stamp: UInt32, bytes count: Int) {
            if let last {
                let step = Int32(bitPattern: stamp &- last.stamp)
                if (0...Self.longestStep).contains(step) {
                    frames += 1
                    bytes += last.bytes
                    span += Int64(step)
                }
            }
            last = (stamp, count)
        }

        /// Frames a second: the announced rate where what came agrees with it.
        var frameRate: Double? {
            guard span > 0 else { return format?.frameRate }
            let measured = Double(frames) * 1_000 / Double(span)
            guard let announced = format?.frameRate, abs(announced - measured) < 0.02 * measured else {
                return measured
            }
            return announced
        }

        /// Kilobits a second.
        var bitRate: Double? { span > 0 ? Double(bytes) * 8 / Double(span) : nil }
    }

    private var video = Track()
    private var audio = Track()

    /// Media time that tells the rates, and how long a format is waited for, in milliseconds.
    private static let enough: Int64 = 2_000
    private static let longest: Int64 = 10_000

    mutating func note(_ tag: VideoTag) {
        guard tag.trackID == 0, case .frame(let bytes, _) = tag.kind else { return }
        video.note(tag.timestamp, bytes: bytes.readableBytes)
    }

    mutating func note(_ tag: AudioTag) {
        guard tag.trackID == 0, case .frame(let bytes) = tag.kind else { return }
        audio.note(tag.timestamp, bytes: bytes.readableBytes)
    }

    mutating func note(_ section: InitSection) {
        switch section.kind {
        case .video: video.format = section.format
        case .audio: audio.format = section.format
        }
    }

    /// Enough has come to tell the rates, of every track that sends anything.
    var isReady: Bool {
        guard hasFormat else { return false }
        let span = max(video.span, audio.span)
        let isWhole = [video, audio].allSatisfy { !$0.hasFrames || $0.format != nil }
        return span >= (isWhole ? Self.enough : Self.longest)
    }

    var hasFormat: Bool { video.format != nil || audio.format != nil }

    /// `declared` is what the publisher said of itself.
    func fields(_ declared: StreamMetadata?) -> Logger.Metadata {
        var fields: Logger.Metadata = [:]
        if let format = video.format {
            fields["video"] = "\(format.codecs)"
            if let width = format.width, let height = format.height { fields["size"] = "\(width)x\(height)" }
            if let rate = video.frameRate { fields["frame_rate"] = "\(Self.text(rate, decimals: 2))" }
            fields["video_rate"] = Self.rate(video.bitRate)
            fields["declared_video_rate"] = Self.rate(declared?.videoBitRate)
        }
        if let format = audio.format {
            fields["audio"] = "\(format.codecs)"
            if let rate = format.sampleRate { fields["sample_rate"] = "\(rate)" }
            if let channels = format.channels { fields["channels"] = "\(channels)" }
            fields["audio_rate"] = Self.rate(audio.bitRate)
            fields["declared_audio_rate"] = Self.rate(declared?.audioBitRate)
        }
        if let encoder = declared?.encoder { fields["encoder"] = "\(encoder)" }
        return fields
    }

    private static func rate(_ kilobits: Double?) -> Logger.MetadataValue? {
        guard let kilobits, kilobits > 0, kilobits < 1e7 else { return nil }
        return "\(text(kilobits, decimals: 0)) kbit/s"
    }

    private static func text(_ value: Double, decimals: Int) -> String {
        let scale = decimals == 0 ? 1.0 : 100.0
        let rounded = (value * scale).rounded() / scale
        return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
    }
}

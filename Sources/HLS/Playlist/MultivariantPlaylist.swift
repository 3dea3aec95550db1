import struct NIOCore.ByteBuffer

/// A multivariant playlist (4.4.6): the renditions of a presentation and what each needs.
package struct MultivariantPlaylist: Sendable, Equatable {
    package var variants: [Variant] = []
    package var audio: [AudioRendition] = []
    package var captions: [CaptionRendition] = []
    /// EXT-X-INDEPENDENT-SEGMENTS: every segment of every rendition starts with an independent frame.
    package var independentSegments = false

    package init() {}

    /// Appends the playlist's text.
    package func write(into buffer: inout ByteBuffer) {
        var text = PlaylistText()
        text.append("#EXTM3U\n#EXT-X-VERSION:6\n")
        if independentSegments { text.append("#EXT-X-INDEPENDENT-SEGMENTS\n") }
        for rendition in audio { rendition.write(to: &text) }
        for rendition in captions { rendition.write(to: &text) }
        for variant in variants { variant.write(to: &text) }
        buffer.writeBytes(text.bytes)
    }
}

/// EXT-X-STREAM-INF (4.4.6.2).
package struct Variant: Sendable, Equatable {
    /// Highest bits per second of any segment, all renditions together.
    package var bandwidth: Int
    /// Mean bits per second; nil where a playlist does not say.
    package var averageBandwidth: Int?
    /// RFC 6381 names of every format in any of its renditions.
    package var codecs: [String]
    package var width: Int?
    package var height: Int?
    /// Frames per second, written with three decimals.
    package var frameRate: Double?
    package var uri: String
    /// GROUP-ID of its audio renditions.
    package var audioGroup: String?
    /// VIDEO-RANGE: SDR, HLG or PQ; nil where the bitstream does not say.
    package var videoRange: String?
    /// What is known of captions within the picture.
    package var captions: Captions?

    /// CLOSED-CAPTIONS: nil says nothing.
    package enum Captions: Sendable, Equatable {
        /// There are none.
        case none
        /// GROUP-ID of its caption renditions.
        case group(String)
        /// A value that no playlist may have, as it was read.
        case other(String)
    }

    package init(
        bandwidth: Int, averageBandwidth: Int?, codecs: [String], width: Int?, height: Int?, frameRate: Double?,
        uri: String, audioGroup: String?, videoRange: String? = nil, captions: Captions? = nil
    ) {
        self.bandwidth = bandwidth
        self.averageBandwidth = averageBandwidth
        self.codecs = codecs
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.uri = uri
        self.audioGroup = audioGroup
        self.videoRange = videoRange
        self.captions = captions
    }

    func write(to text: inout PlaylistText) {
        text.append("#EXT-X-STREAM-INF:BANDWIDTH=")
        text.append(Int64(bandwidth))
        if let averageBandwidth {
            text.append(",AVERAGE-BANDWIDTH=")
            text.append(Int64(averageBandwidth))
        }
        if !codecs.isEmpty {
            text.append(",CODECS=")
            text.append(quoted: codecs.joined(separator: ","))
        }
        if let width, let height {
            text.append(",RESOLUTION=")
            text.append(Int64(width))
            text.append("x")
            text.append(Int64(height))
        }
        if let frameRate {
            text.append(",FRAME-RATE=")
            text.append(frameRate: frameRate)
        }
        if let videoRange {
            text.append(",VIDEO-RANGE=")
            text.append(videoRange)
        }
        if let audioGroup {
            text.append(",AUDIO=")
            text.append(quoted: audioGroup)
        }
        switch captions {
        case nil, .other: break
        case .some(.none): text.append(",CLOSED-CAPTIONS=NONE")
        case .group(let group):
            text.append(",CLOSED-CAPTIONS=")
            text.append(quoted: group)
        }
        text.append("\n")
        text.append(uri)
        text.append("\n")
    }
}

/// EXT-X-MEDIA of type AUDIO (4.4.6.1).
package struct AudioRendition: Sendable, Equatable {
    package var group: String
    package var name: String
    /// nil where the variants carry the sound themselves.
    package var uri: String?
    package var channels: Int?
    /// BCP 47 tag.
    package var language: String?
    package var isDefault: Bool

    package init(
        group: String, name: String, uri: String?, channels: Int?, language: String? = nil, isDefault: Bool
    ) {
        self.group = group
        self.name = name
        self.uri = uri
        self.channels = channels
        self.language = language
        self.isDefault = isDefault
    }

    func write(to text: inout PlaylistText) {
        text.append("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=")
        text.append(quoted: group)
        text.append(",NAME=")
        text.append(quoted: name)
        if let language {
            text.append(",LANGUAGE=")
            text.append(quoted: language)
        }
        text.append(isDefault ? ",DEFAULT=YES,AUTOSELECT=YES" : ",DEFAULT=NO,AUTOSELECT=YES")
        if let channels {
            text.append(",CHANNELS=\"")
            text.append(Int64(channels))
            text.append("\"")
        }
        if let uri {
            text.append(",URI=")
            text.append(quoted: uri)
        }
        text.append("\n")
    }
}

/// EXT-X-MEDIA of type CLOSED-CAPTIONS (4.4.6.1): captions within the picture's own frames.
package struct CaptionRendition: Sendable, Equatable {
    package var group: String
    package var name: String
    /// INSTREAM-ID: CC1 to CC4, or SERVICE1 to SERVICE63.
    package var service: String

    package init(group: String, name: String, service: String) {
        self.group = group
        self.name = name
        self.service = service
    }

    func write(to text: inout PlaylistText) {
        text.append("#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=")
        text.append(quoted: group)
        text.append(",NAME=")
        text.append(quoted: name)
        text.append(",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID=")
        text.append(quoted: service)
        text.append("\n")
    }
}

extension PlaylistText {
    /// Three decimals (4.4.6.2).
    fileprivate mutating func append(frameRate: Double) {
        let bounded = frameRate > 0 ? min(frameRate, 1_000_000) : 0
        let thousandths = Int64((bounded * 1_000).rounded())
        append(thousandths / 1_000)
        append(".")
        append(thousandths / 100 % 10)
        append(thousandths / 10 % 10)
        append(thousandths % 10)
    }
}

import struct NIOCore.ByteBuffer

/// The lines of one segment in its playlist. Each is made once, when what it tells of happens.
struct SegmentText: Sendable, Equatable {
    /// PROGRAM-DATE-TIME.
    private(set) var date: [UInt8] = []
    /// PART tags.
    private(set) var parts: [UInt8] = []
    /// GAP, EXTINF and the URI: empty while the segment is open.
    private(set) var closing: [UInt8] = []
    /// Where its lines stand once it lists no parts; they are not kept here then.
    private(set) var place: SettledText.Place?

    mutating func settle(at place: SettledText.Place) {
        self.place = place
        (date, parts, closing) = ([], [], [])
    }

    mutating func setDate(_ unixMicroseconds: Int64) {
        var text = PlaylistText()
        text.append("#EXT-X-PROGRAM-DATE-TIME:")
        text.append(dateTime: unixMicroseconds)
        text.append("\n")
        date = text.bytes
    }

    mutating func append(_ part: LivePart, at position: MediaPosition, constants: PlaylistConstants) {
        var text = PlaylistText()
        text.append("#EXT-X-PART:DURATION=")
        text.append(part.duration)
        text.append(",URI=\"")
        constants.appendURI(of: position, to: &text)
        text.append("\"")
        if part.isIndependent { text.append(",INDEPENDENT=YES") }
        if part.isGap { text.append(",GAP=YES") }
        text.append("\n")
        parts.append(contentsOf: text.bytes)
    }

    mutating func complete(_ segment: LiveSegment, constants: PlaylistConstants) {
        var text = PlaylistText()
        if segment.isGap { text.append("#EXT-X-GAP\n") }
        text.append("#EXTINF:")
        text.append(segment.mediaDuration)
        text.append(",\n")
        constants.appendURI(ofSegment: segment.sequence, to: &text)
        text.append("\n")
        closing = text.bytes
    }
}

/// Names and lines that are the same in every state of one playlist.
struct PlaylistConstants: Sendable {
    /// `{epoch}/`.
    let mediaPrefix: [UInt8]
    /// TARGETDURATION, SERVER-CONTROL and PART-INF.
    let head: [UInt8]

    init(configuration: TimelineConfiguration, epoch: String) {
        mediaPrefix = Array(epoch.utf8) + [UInt8(ascii: "/")]
        var text = PlaylistText()
        text.append("#EXT-X-TARGETDURATION:")
        text.append(Int64(configuration.targetDuration))
        text.append("\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=")
        text.append(configuration.canSkipUntil)
        text.append(",HOLD-BACK=")
        text.append(configuration.holdBack)
        text.append(",PART-HOLD-BACK=")
        text.append(configuration.partHoldBack)
        text.append("\n#EXT-X-PART-INF:PART-TARGET=")
        text.append(configuration.partTarget)
        text.append("\n")
        head = text.bytes
    }

    func appendURI(of position: MediaPosition, to text: inout PlaylistText) {
        text.append(contentsOf: mediaPrefix)
        text.append(position.sequence)
        text.append(".")
        text.append(Int64(position.part))
        text.append(".m4s")
    }

    func appendURI(ofSegment sequence: Int64, to text: inout PlaylistText) {
        text.append(contentsOf: mediaPrefix)
        text.append(sequence)
        text.append(".m4s")
    }

    func appendURI(ofInitSection number: Int, to text: inout PlaylistText) {
        text.append(contentsOf: mediaPrefix)
        text.append("init")
        if number > 0 {
            text.append("-")
            text.append(Int64(number))
        }
        text.append(".mp4")
    }

    func writeMap(_ number: Int, to buffer: inout ByteBuffer) {
        var text = PlaylistText()
        text.append("#EXT-X-MAP:URI=\"")
        appendURI(ofInitSection: number, to: &text)
        text.append("\"\n")
        buffer.writeBytes(text.bytes)
    }

    /// Letters, digits, `-` and `_`.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}

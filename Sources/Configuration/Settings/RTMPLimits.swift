/// What a publisher may cost the ingest, RTMP and RTMPS together.
package struct RTMPLimits: Equatable, Sendable {
    /// From the connection's first byte to a publish that is accepted.
    package var handshake = Duration.seconds(10)
    /// How long a connection may be silent. A dead peer's key is free after it.
    package var idle = Duration.seconds(10)
    /// Largest message in bytes: a video frame is one.
    package var messageSize = 8 << 20
    /// Largest chunk in bytes that a publisher may announce.
    package var chunkSize = 1 << 20
    /// Deepest nesting of AMF values.
    package var amfDepth = 32
    /// Connections at once that do not publish yet.
    package var halfOpen = 256
    /// Longest stream key in bytes.
    package var keyLength = 128
    /// The characters that a stream key may have beside ASCII letters and digits.
    package var keySymbols = "-_.~"
    /// Publishers at once.
    package var publishers = 64

    package init() {}

    init(_ section: Section) {
        handshake = section.value("handshake", .duration(.seconds(1) ... .seconds(60)), standard: handshake).value
        idle = section.value("idle", .duration(.seconds(2) ... .seconds(600)), standard: idle).value
        messageSize = section.value("message_size", .byteSize(64 << 10...64 << 20), standard: messageSize).value
        chunkSize = section.value("chunk_size", .byteSize(128...16 << 20), standard: chunkSize).value
        amfDepth = section.value("amf_depth", .integer(4...256), standard: amfDepth).value
        halfOpen = section.value("half_open", .integer(1...100_000), standard: halfOpen).value
        keyLength = section.value("key_length", .integer(1...1024), standard: keyLength).value
        keySymbols =
            section.value(
                "key_symbols",
                .text(
                    "the characters that keys may have beside letters and digits", maximumLength: 32,
                    rule: "! $ ' ( ) * + , - . : ; = @ _ ~"
                ) { StreamKeyRule.possibleSymbols.contains($0) }, standard: keySymbols
            ).value
        publishers = section.value("publishers", .integer(1...10_000), standard: publishers).value
    }

    /// What these limits say of a stream key.
    package var keyRule: StreamKeyRule { StreamKeyRule(maximumLength: keyLength, symbols: keySymbols) }
}

/// Which stream keys are well-formed. Checked before a key is looked up, so that nothing else reaches a log or a path.
package struct StreamKeyRule: Equatable, Sendable {
    /// The symbols of a URL's path segment (RFC 3986, 3.3) but `&`, which publishers' software splits at.
    static let possibleSymbols: Set<UInt8> = Set("!$'()*+,-.:;=@_~".utf8)

    let maximumLength: Int
    private let symbols: Set<UInt8>

    package init(maximumLength: Int, symbols: String) {
        self.maximumLength = maximumLength
        self.symbols = Set(symbols.utf8)
    }

    /// True for a key of 1 to the maximum of bytes from the alphabet.
    package func allows(_ key: some Sequence<UInt8>) -> Bool {
        var count = 0
        for byte in key {
            count += 1
            guard count <= maximumLength, isAlphanumeric(byte) || symbols.contains(byte) else { return false }
        }
        return count > 0
    }
}

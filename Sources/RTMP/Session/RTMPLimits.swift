/// What a publisher may cost before and after it is known. Every bound can be configured.
package struct RTMPLimits: Sendable, Equatable {
    /// From the connection's first moment, or from the end of its last publish, to a publish that is granted.
    package var handshakeTimeout: Duration = .seconds(10)
    /// Longest silence of a publisher.
    package var idleTimeout: Duration = .seconds(10)
    /// Largest message in bytes; memory is taken as bytes arrive.
    package var messageBytes = 8 << 20
    /// Largest message before the publish is granted.
    package var commandBytes = 64 << 10
    /// Largest data message that is read; larger ones are passed over.
    package var dataBytes = 256 << 10
    /// Largest chunk size that a publisher may set; a larger one ends the connection.
    package var chunkBytes = 16 << 20
    /// Chunk streams that may be open at once.
    package var chunkStreams = 64
    /// Nesting of AMF objects: 100,000 levels end other servers.
    package var amfDepth = 32
    /// Values in one AMF message.
    package var amfValues = 4_096
    /// Longest stream key in bytes.
    package var streamKeyBytes = 128
    /// Characters of stream keys beside ASCII letters and digits.
    package var streamKeySymbols = "-_.~"
    /// Bytes kept while the verdict on a publish is awaited.
    package var undecidedBytes = 1 << 20

    package init() {}
}

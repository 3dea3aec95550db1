/// What one message may cost its reader. All sizes in bytes.
package struct HTTP1Limits: Sendable, Equatable {
    /// The request line or status line, without its CRLF.
    package var requestLineBytes = 8192
    /// The method, part of the request line.
    package var methodBytes = 32
    /// All header lines together, with their CRLFs.
    package var headerBytes = 32 * 1024
    /// One field's name.
    package var fieldNameBytes = 256
    /// Header lines in a head, and again in a trailer section.
    package var fieldCount = 100
    /// All chunk extensions of one body together: one per chunk would make a body cost a multiple of its size.
    package var chunkExtensionBytes = 256
    /// All trailer lines together, with their CRLFs.
    package var trailerBytes = 4096
    /// Interim (1xx) responses before the final one.
    package var interimResponses = 16

    package init() {}
}

/// Why bytes are no acceptable HTTP/1.1 message. After it nothing behind it on the connection has a meaning: answer (when
/// it was a request) and close.
package enum HTTP1Violation: Error, Hashable, Sendable {
    // The request line and the status line.
    case notHTTP, malformedRequestLine, malformedStatusLine, unsupportedVersion, upgradeNotRequested
    case invalidTarget, fragmentInTarget, misplacedTargetForm, connectMethod
    case requestLineTooLong(limit: Int), methodTooLong(limit: Int), tooManyEmptyLines
    // Lines and fields.
    case bareLineFeed, bareCarriageReturn, foldedLine, missingColon, blankBeforeColon
    case invalidFieldName, invalidFieldValue
    case headerTooLarge(limit: Int), fieldNameTooLong(limit: Int), tooManyFields(limit: Int)
    // Host.
    case missingHost, repeatedHost, malformedHost
    // Framing (RFC 9112, 6).
    case invalidContentLength, repeatedContentLength, contentLengthOverflow
    case invalidTransferEncoding, unknownTransferCoding, transferEncodingInHTTP10, lengthAndTransferEncoding
    case unknownExpectation
    // Chunks (RFC 9112, 7.1).
    case invalidChunkSize, chunkSizeOverflow, invalidChunkExtension, chunkNotTerminated
    case chunkExtensionsTooLarge(limit: Int), trailerTooLarge(limit: Int), forbiddenTrailer
    // Responses.
    case tooManyInterimResponses(limit: Int), truncated

    /// The status to answer a request with.
    package var status: UInt16 {
        switch self {
        case .contentLengthOverflow, .chunkSizeOverflow: 413
        case .requestLineTooLong: 414
        case .unknownExpectation: 417
        case .headerTooLarge, .fieldNameTooLong, .tooManyFields, .trailerTooLarge: 431
        case .unknownTransferCoding, .connectMethod, .methodTooLong: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// A sentence for whoever sent the message: what is wrong, where, and what would be right.
    package var reason: String {
        switch self {
        case .notHTTP: "The first byte begins no HTTP/1.1 message. Speak HTTP/1.1, or TLS on the TLS port."
        case .malformedRequestLine:
            "The request line is not a method, a target and a version with one space between each."
        case .malformedStatusLine: "The status line is not a version, a status from 100 to 599 and a reason."
        case .unsupportedVersion: "The version is neither HTTP/1.1 nor HTTP/1.0."
        case .upgradeNotRequested: "The response switches protocols although the request did not ask for it."
        case .invalidTarget:
            "The target holds a byte that must be percent-encoded, or a % without two hexadecimal digits behind it."
        case .fragmentInTarget: "The target holds a fragment; send only what stands before the #."
        case .misplacedTargetForm:
            "The target is neither a path that begins with / nor an absolute http URI; * belongs to OPTIONS alone."
        case .connectMethod: "CONNECT is not served here: this is no proxy."
        case .requestLineTooLong(let limit): "The first line is longer than \(limit) bytes. Shorten the target."
        case .methodTooLong(let limit): "The method is longer than \(limit) bytes."
        case .tooManyEmptyLines: "More than one empty line stands before the request line."
        case .bareLineFeed: "A line ends with LF alone. End every line with CR LF."
        case .bareCarriageReturn: "A CR stands inside a line. CR may only stand before LF."
        case .foldedLine: "A header line begins with a blank. Line folding is obsolete: send one line per field."
        case .missingColon: "A header line has no colon behind its name."
        case .blankBeforeColon: "A blank stands between a header's name and its colon. Remove it."
        case .invalidFieldName: "A header's name is empty or holds a character outside the token alphabet."
        case .invalidFieldValue: "A header's value holds a control character."
        case .headerTooLarge(let limit): "The header lines are larger than \(limit) bytes together."
        case .fieldNameTooLong(let limit): "A header's name is longer than \(limit) bytes."
        case .tooManyFields(let limit): "There are more than \(limit) header lines."
        case .missingHost: "Host is missing. HTTP/1.1 requires it once."
        case .repeatedHost: "Host is there more than once."
        case .malformedHost: "Host, or the target's authority, is not a host name or address with an optional port."
        case .invalidContentLength: "Content-Length is not a number in decimal digits."
        case .repeatedContentLength: "Content-Length is there more than once."
        case .contentLengthOverflow: "Content-Length is larger than any body that is accepted."
        case .invalidTransferEncoding: "Transfer-Encoding is not exactly chunked, once."
        case .unknownTransferCoding: "Transfer-Encoding names a coding other than chunked."
        case .transferEncodingInHTTP10: "Transfer-Encoding is not part of HTTP/1.0."
        case .lengthAndTransferEncoding: "Content-Length and Transfer-Encoding are both there. Send one of them."
        case .unknownExpectation: "Expect holds something other than 100-continue."
        case .invalidChunkSize: "A chunk's size is not a number in hexadecimal digits."
        case .chunkSizeOverflow: "A chunk's size is larger than any body that is accepted."
        case .invalidChunkExtension: "A chunk extension does not begin with ; or holds a control character."
        case .chunkNotTerminated: "A chunk's bytes are not followed by CR LF."
        case .chunkExtensionsTooLarge(let limit): "The chunk extensions are larger than \(limit) bytes together."
        case .trailerTooLarge(let limit): "The trailer lines are larger than \(limit) bytes together."
        case .forbiddenTrailer: "A trailer holds a field that may only stand in a head."
        case .tooManyInterimResponses(let limit): "More than \(limit) interim responses precede the final one."
        case .truncated: "The connection ended before the message did."
        }
    }

    /// The answer to the request, as a problem document.
    package var problem: Problem {
        Problem(name: "malformed-request", status: status, detail: reason)
    }
}

extension HTTP1Violation: CustomStringConvertible {
    package var description: String { reason }
}

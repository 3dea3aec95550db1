import NIOCore

@testable import HTTP

/// Everything that a request parser said about some bytes, in a form that does not depend on how they were cut.
struct RequestTranscript: Equatable {
    struct Message: Equatable {
        var head: RequestHead
        var kind: HTTP1BodyKind
        var body: [UInt8] = []
        var trailers = HTTPFields()
        var isComplete = false
        var keepsAlive: Bool
        var expectsContinue: Bool
        var requestsUpgrade: Bool
    }

    var messages: [Message] = []
    var violation: HTTP1Violation?
    /// Bytes that were left in the buffer at the end.
    var left: [UInt8] = []

    /// Feeds `bytes` in pieces of the given sizes, over and over; nil feeds them whole.
    init(_ bytes: [UInt8], pieces: [Int]? = nil, limits: HTTP1Limits = HTTP1Limits()) {
        var parser = HTTP1RequestParser(limits: limits)
        var input = ByteBuffer()
        do throws(HTTP1Violation) {
            for piece in cut(bytes, into: pieces) {
                input.writeBytes(piece)
                while let event = try parser.feed(&input) { note(event, parser) }
            }
            left = Array(input.readableBytesView)
        } catch {
            violation = error
        }
    }

    init(_ text: String, pieces: [Int]? = nil, limits: HTTP1Limits = HTTP1Limits()) {
        self.init(Array(text.utf8), pieces: pieces, limits: limits)
    }

    private mutating func note(_ event: HTTP1RequestParser.Event, _ parser: HTTP1RequestParser) {
        switch event {
        case .head(let head, let kind):
            messages.append(
                Message(
                    head: head, kind: kind, keepsAlive: parser.keepsAlive, expectsContinue: parser.expectsContinue,
                    requestsUpgrade: parser.requestsUpgrade))
        case .body(let piece):
            messages[messages.count - 1].body += Array(piece.readableBytesView)
        case .end:
            messages[messages.count - 1].isComplete = true
            messages[messages.count - 1].trailers = parser.trailers
        }
    }
}

/// The same for a response parser.
struct ResponseTranscript: Equatable {
    var interim: [ResponseHead] = []
    var head: ResponseHead?
    var kind: HTTP1BodyKind?
    var body: [UInt8] = []
    var trailers = HTTPFields()
    var isComplete = false
    var keepsAlive = false
    var isUpgraded = false
    var violation: HTTP1Violation?
    var left: [UInt8] = []

    /// `closes` says that the connection ends behind the bytes.
    init(
        _ bytes: [UInt8], to method: Method = .get, closes: Bool = false, pieces: [Int]? = nil,
        limits: HTTP1Limits = HTTP1Limits(), allowsUpgrade: Bool = false
    ) {
        var parser = HTTP1ResponseParser(requestMethod: method, limits: limits, allowsUpgrade: allowsUpgrade)
        var input = ByteBuffer()
        do throws(HTTP1Violation) {
            for piece in cut(bytes, into: pieces) {
                input.writeBytes(piece)
                while let event = try parser.feed(&input) { note(event, parser) }
            }
            if closes, let event = try parser.eof() { note(event, parser) }
            left = Array(input.readableBytesView)
        } catch {
            violation = error
        }
        keepsAlive = parser.keepsAlive
        isUpgraded = parser.isUpgraded
    }

    private mutating func note(_ event: HTTP1ResponseParser.Event, _ parser: HTTP1ResponseParser) {
        switch event {
        case .interim(let head): interim.append(head)
        case .head(let head):
            self.head = head
            kind = parser.bodyKind
        case .body(let piece): body += Array(piece.readableBytesView)
        case .end:
            isComplete = true
            trailers = parser.trailers
        }
    }
}

/// Cuts bytes into pieces of the given sizes, over and over.
func cut(_ bytes: [UInt8], into sizes: [Int]?) -> [ArraySlice<UInt8>] {
    guard let sizes, !sizes.isEmpty else { return [bytes[...]] }
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
        let end = min(start + max(1, sizes[pieces.count % sizes.count]), bytes.count)
        pieces.append(bytes[start..<end])
        start = end
    }
    return pieces
}

import HTTP
import NIOCore

/// How a connection in the clear begins.
enum ClientOpening: Equatable {
    /// With a question in HTTP/1.1: does the server speak HTTP/2?
    case question
    case http1
    /// With the preface of HTTP/2.
    case http2

    init(_ policy: ClearHTTP2) {
        switch policy {
        case .whereOffered: self = .question
        case .always: self = .http2
        case .never: self = .http1
        }
    }
}

/// The question: any answer to it will do, and one with `Upgrade: h2c` says that the server itself, and not one behind it,
/// speaks HTTP/2 in the clear.
final class Introduction: FetchReceiver {
    private weak var connection: ClientConnection?
    private var offersHTTP2 = false

    init(_ connection: ClientConnection) { self.connection = connection }

    func fetch(from authority: HTTPBytes, deadline: NIODeadline) -> Fetch {
        let request = RequestHead(target: HTTPBytes("/healthz"), authority: authority, scheme: .http)
        return Fetch(request: request, body: ByteBuffer(), receiver: self, deadline: deadline)
    }

    func fetch(_ fetch: Fetch, received head: ResponseHead) { offersHTTP2 = head.fields.offersClearHTTP2 }
    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {}
    func fetchEnded(_ fetch: Fetch) { connection?.introduced(offersHTTP2: offersHTTP2) }
    /// Its connection is closed then, which the client hears of.
    func fetch(_ fetch: Fetch, failed failure: FetchFailure) {}
}

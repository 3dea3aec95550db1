import HTTP
import NIOCore

/// The serving end of a link between two event loops: requests come as they were understood, answers go as they are.
final class LoopServer {
    private struct Stream {
        let isHead: Bool
        var isPush = false
        var isAnswered = false
        var isPaused = false
        var cursor: BodyCursor?
    }

    private unowned let connection: ServerConnection
    private let answers: LoopMailbox<LoopAnswer>
    private let eventLoop: any EventLoop
    private var streams: [Int32: Stream] = [:]
    private var lastPush: Int32 = 0
    /// The client has taken its leave: nothing crosses to its loop any more, which may end.
    private var isClosed = false

    /// Largest piece of a body that crosses at once, in bytes.
    private static let pieceBytes = 256 * 1024

    init(connection: ServerConnection, answers: LoopMailbox<LoopAnswer>, eventLoop: any EventLoop) {
        self.connection = connection
        self.answers = answers
        self.eventLoop = eventLoop
    }

    private func exchange(_ stream: Int32) -> Exchange { Exchange(connection: connection, stream: stream) }

    // MARK: The client's words

    func receive(_ requests: [LoopRequest]) {
        for request in requests {
            switch request {
            case .fetch(let stream, let head, let body):
                streams[stream] = Stream(isHead: head.method == .head)
                connection.responder.respond(to: head, body: body, on: exchange(stream))
            case .cancel(let stream): tear(stream)
            case .pause(let stream, let isPaused):
                streams[stream]?.isPaused = isPaused
                if !isPaused { pump(stream) }
            case .close:
                isClosed = true
                connectionLost()
            }
        }
    }

    func connectionLost() {
        for stream in streams.keys.sorted() { tear(stream) }
    }

    func tell(_ state: LoopState) {
        if !isClosed { answers.post(.state(state)) }
    }

    // MARK: Answers

    func respond(stream id: Int32, head: ResponseHead, body: ResponseBody) {
        guard let stream = streams[id], !stream.isAnswered else { return }
        begin(id, head: head, body: body)
        pump(id)
    }

    /// Posts the head, and lays the body ready.
    private func begin(_ id: Int32, head: ResponseHead, body: ResponseBody) {
        guard let stream = streams[id] else { return }
        var head = head
        if let length = body.length, head.allowsBody, !(stream.isHead && head.fields.contains("content-length")) {
            head.fields.set("content-length", String(length))
        }
        streams[id]?.isAnswered = true
        streams[id]?.cursor = BodyCursor(stream.isHead || !head.allowsBody ? .none : body)
        answers.post(.head(stream: id, head))
    }

    func inform(stream id: Int32, head: ResponseHead) {
        guard let stream = streams[id], !stream.isAnswered else { return }
        answers.post(.interim(stream: id, head))
    }

    func resumeBody(stream id: Int32) { pump(id) }

    func abort(stream id: Int32) {
        guard streams[id] != nil else { return }
        answers.post(.failed(stream: id))
        tear(id)
    }

    /// A push's body goes later: whoever pushes must hear its name before its end.
    func push(on parent: Int32, _ request: RequestHead, head: ResponseHead, body: ResponseBody) -> Int32? {
        guard streams[parent] != nil else { return nil }
        let id = nextPush()
        streams[id] = Stream(isHead: false, isPush: true)
        answers.post(.promise(parent: parent, stream: id, request))
        begin(id, head: head, body: body)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.pump(id) }
        return id
    }

    private func nextPush() -> Int32 {
        repeat { lastPush = lastPush > Int32.max - 2 ? 2 : lastPush + 2 } while streams[lastPush] != nil
        return lastPush
    }

    /// Hands over what there is of a body, as long as the client takes it.
    private func pump(_ id: Int32) {
        while let stream = streams[id], !stream.isPaused, var cursor = stream.cursor {
            let piece = cursor.next(limit: Self.pieceBytes)
            // The source may have ended the stream while it was asked.
            guard streams[id] != nil else { return }
            streams[id]?.cursor = cursor
            switch piece {
            case .bytes(let bytes, let isLast):
                answers.post(.bytes(stream: id, bytes))
                if isLast { return end(id) }
            case .end: return end(id)
            case .pending: return
            case .failed: return abort(stream: id)
            }
        }
    }

    private func end(_ id: Int32) {
        answers.post(.end(stream: id))
        guard let stream = streams.removeValue(forKey: id), stream.isPush else { return }
        connection.responder.pushEnded(exchange(id), wasSent: true)
    }

    private func tear(_ id: Int32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        if stream.isPush {
            connection.responder.pushEnded(exchange(id), wasSent: false)
        } else {
            connection.responder.cancelled(exchange(id))
        }
    }
}

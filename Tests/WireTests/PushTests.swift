import Foundation
import HTTP
import NIOCore
import NIOPosix
import Testing

@testable import Wire

/// Server push between our server and our client over a real socket (RFC 9113, 8.4), and who never gets any.
@Suite struct PushTests {
    /// Pushes three objects on `/watch` and keeps the request open; tells how each push ended.
    private final class Pusher: Responder {
        var offersPush: Bool { true }
        var ended: [Bool] = []
        private var named: Set<Exchange> = []
        let allEnded: EventLoopPromise<[Bool]>
        static let sizes = [0, 3_000, 2_000_000]

        init(_ allEnded: EventLoopPromise<[Bool]>) { self.allEnded = allEnded }

        private final class Open: BodySource { func next(limit: Int) -> BodyPiece { .pending } }

        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            guard exchange.takesPush else {
                return exchange.respond(ResponseHead(status: 204))
            }
            exchange.respond(ResponseHead(status: 200), body: .stream(Open(), length: nil))
            // Later, as media comes: not while the request is being read.
            let loop = allEnded.futureResult.eventLoop
            let bound = NIOLoopBound((self, exchange), eventLoop: loop)
            loop.execute { bound.value.0.pushAll(on: bound.value.1) }
        }

        private func pushAll(on exchange: Exchange) {
            for size in Self.sizes {
                var head = ResponseHead(status: 200)
                head.fields.append("x-size", decimal: size)
                let bytes = ByteBuffer(repeating: UInt8(truncatingIfNeeded: size), count: size)
                push(HTTPBytes("/object/\(size)"), head, .bytes(bytes), on: exchange)
            }
            // One that never ends by itself: only the client's CANCEL ends it.
            push(HTTPBytes("/object/endless"), ResponseHead(status: 200), .stream(Open(), length: nil), on: exchange)
        }

        private func push(_ target: HTTPBytes, _ head: ResponseHead, _ body: ResponseBody, on exchange: Exchange) {
            let push = exchange.push(RequestHead(target: target), head: head, body: body)
            #expect(push != nil)
            if let push { named.insert(push) }
        }

        func cancelled(_ exchange: Exchange) {}
        func pushEnded(_ push: Exchange, wasSent: Bool) {
            #expect(named.contains(push), "its end was told before its name")
            ended.append(wasSent)
            if ended.count == Self.sizes.count + 1 { allEnded.succeed(ended) }
        }
    }

    /// Takes every promise but that of the object without an end.
    private final class Watcher: PushReceiver {
        final class Object: FetchReceiver {
            var size: Int?
            var bytes = 0
            let whole: () -> Void
            init(_ whole: @escaping () -> Void) { self.whole = whole }
            func fetch(_ fetch: Fetch, received head: ResponseHead) { size = head.fields.first("x-size")?.decimalValue }
            func fetch(_ fetch: Fetch, received piece: ByteBuffer) { bytes += piece.readableBytes }
            func fetchEnded(_ fetch: Fetch) { whole() }
            func fetch(_ fetch: Fetch, failed failure: FetchFailure) { Issue.record("\(failure)") }
        }

        var objects: [Object] = []
        var refused: [String] = []
        private var left = Pusher.sizes.count
        let done: EventLoopPromise<Void>

        init(_ done: EventLoopPromise<Void>) { self.done = done }

        func fetch(_ fetch: Fetch, promised request: RequestHead) -> (any FetchReceiver)? {
            if request.target.text == "/object/endless" {
                refused.append(request.target.text)
                return nil
            }
            let object = Object { [unowned self] in
                left -= 1
                if left == 0 { done.succeed() }
            }
            objects.append(object)
            return object
        }

        func fetch(_ fetch: Fetch, received head: ResponseHead) {}
        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {}
        func fetchEnded(_ fetch: Fetch) {}
        func fetch(_ fetch: Fetch, failed failure: FetchFailure) {}
    }

    private final class Announcement: UpstreamObserver {
        let promise: EventLoopPromise<Void>
        init(_ promise: EventLoopPromise<Void>) { self.promise = promise }
        func upstreamConnected(_ client: any Upstream, isHTTP2: Bool) {}
        func upstreamAway(_ client: any Upstream, reason: String, retryIn: Duration) {}
        func upstream(_ client: any Upstream, offersPush: Bool) { promise.succeed() }
    }

    private struct Ends {
        let service: HTTPService
        let client: HTTPClient
        let watcher: Watcher
        let announcement: Announcement
    }

    @Test func pushesOfEverySizeArriveWholeAndUnwantedOnesAreCancelled() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let allEnded = loop.makePromise(of: [Bool].self)
        let done = loop.makePromise(of: Void.self)
        let announced = loop.makePromise(of: Void.self)
        let service = try await loop.submit {
            NIOLoopBound(
                HTTPService(
                    responder: Pusher(allEnded),
                    registry: ConnectionRegistry(limits: ServerLimits(), eventLoop: loop)), eventLoop: loop)
        }.get()
        let server = try await HTTPServer.listen(host: "127.0.0.1", port: 0, tls: nil, services: HTTPServices(service))
        let address = UpstreamAddress(isSecure: false, host: "127.0.0.1", port: server.address?.port ?? 0)
        let ends = try await loop.submit {
            var limits = ClientLimits()
            limits.takesPush = true
            let client = HTTPClient(address: address, tls: nil, limits: limits, eventLoop: loop)
            let announcement = Announcement(announced)
            client.observer = announcement
            let watcher = Watcher(done)
            _ = client.fetch(
                RequestHead(target: HTTPBytes("/watch")), receiver: watcher, longLived: true)
            return NIOLoopBound(
                Ends(service: service.value, client: client, watcher: watcher, announcement: announcement),
                eventLoop: loop)
        }.get()
        try await announced.futureResult.get()
        try await done.futureResult.get()
        let ended = try await allEnded.futureResult.get()
        await server.stopAccepting()
        let (sizes, refused) = try await loop.submit {
            ends.value.client.stop()
            ends.value.service.registry.closeAll()
            for object in ends.value.watcher.objects { #expect(object.size == object.bytes) }
            return (ends.value.watcher.objects.map(\.bytes), ends.value.watcher.refused)
        }.get()
        #expect(ended.count(where: { $0 }) == Pusher.sizes.count)
        #expect(sizes == Pusher.sizes)
        #expect(refused == ["/object/endless"])
    }

    /// A client that has not asked for pushes, as browsers and curl do, is told so by the server's first look at it.
    @Test func whoSwitchesPushOffIsNeverPushed() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let allEnded = loop.makePromise(of: [Bool].self)
        allEnded.succeed([])
        let service = try await loop.submit {
            NIOLoopBound(
                HTTPService(
                    responder: Pusher(allEnded),
                    registry: ConnectionRegistry(limits: ServerLimits(), eventLoop: loop)), eventLoop: loop)
        }.get()
        let server = try await HTTPServer.listen(host: "127.0.0.1", port: 0, tls: nil, services: HTTPServices(service))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "curl", "-s", "--http2-prior-knowledge", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}",
            "http://127.0.0.1:\(server.address?.port ?? 0)/watch",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let status = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(status == "204")
        await server.stopAccepting()
        try await loop.submit { service.value.registry.closeAll() }.get()
    }
}

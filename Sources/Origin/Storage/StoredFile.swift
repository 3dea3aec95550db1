import NIOCore
import Node

/// A file of a media directory. It is removed when nobody has this value any more.
final class StoredFile: ReadableFile, Sendable {
    let name: String
    private let directory: MediaDirectory

    init(name: String, directory: MediaDirectory) {
        self.name = name
        self.directory = directory
    }

    deinit { directory.remove(name) }

    func read(at offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        directory.read(self, at: offset, count: count, on: eventLoop)
    }
}

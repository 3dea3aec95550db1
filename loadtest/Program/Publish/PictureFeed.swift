import Foundation

/// Writes stamped pictures to an encoder's input at real time, until it is stopped or the encoder is gone.
final class PictureFeed {
    private let thread: Thread

    /// Starts at once. `onPicture` hears of each picture's capture, in microseconds since 1970, before it is written.
    init(
        width: Int, height: Int, rate: Int, to descriptor: Int32,
        onPicture: @escaping @Sendable (Int64) -> Void = { _ in }
    ) {
        thread = Thread {
            var picture = StampedPicture(width: width, height: height)
            let start = RunClock.now()
            var frame = 0
            while !Thread.current.isCancelled {
                let due = start + Int64(frame) * 1_000_000 / Int64(rate)
                let wait = due - RunClock.now()
                if wait > 0 { usleep(UInt32(wait)) }
                let captured = RunClock.now()
                onPicture(captured)
                let planes = picture.draw(milliseconds: captured / 1_000, frame: frame)
                if !planes.withUnsafeBytes({ Self.write($0, to: descriptor) }) { return }
                frame += 1
            }
        }
        thread.start()
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    func stop() { thread.cancel() }
}

import HTTP
import NIOCore
import Seeded

@testable import Cache

/// A disk as its outside: files that are whole or torn, room that runs out, steps that fail, a process that dies between
/// any two of them.
struct SimulatedDisk {
    enum Mood { case working, failing }

    private(set) var files: [DiskTier.FileID: ByteBuffer] = [:]
    /// Steps that were given and not done.
    private(set) var queue: [DiskTier.Work] = []
    var mood = Mood.working
    let capacity: Int
    private(set) var faults: [String] = []

    init(capacity: Int) { self.capacity = capacity }

    static func space(_ bytes: Int) -> Int { (bytes + 4_095) / 4_096 * 4_096 }
    var used: Int { files.values.reduce(0) { $0 + Self.space($1.readableBytes) } }

    mutating func add(_ work: [DiskTier.Work]) { queue += work }

    /// A stranger's file, or one that was torn by a machine that stopped.
    mutating func litter(_ file: DiskTier.FileID, _ bytes: ByteBuffer) {
        if files[file] == nil, used + Self.space(bytes.readableBytes) <= capacity { files[file] = bytes }
    }

    /// Does the next step. Returns what its doer reports.
    mutating func step(
        _ random: inout SeededGenerator, at now: ContinuousClock.Instant, unixMicroseconds: Int64
    ) -> ((inout DiskTier) -> Void)? {
        guard !queue.isEmpty else { return nil }
        let work = queue.removeFirst()
        let fails = mood == .failing && Int.random(in: 0..<4, using: &random) > 0
        switch work {
        case .open:
            if fails { return { $0.failed(.open, .broken, at: now) } }
            let found = files.map { (id: $0.key, bytes: $0.value.readableBytes) }
            return { $0.opened(found) }
        case .inspect(let asked):
            let heads = asked.map { file in
                (id: file, head: files[file].flatMap { DiskRecord.read($0, fileBytes: $0.readableBytes) })
            }
            return { $0.inspected(heads, at: now, unixMicroseconds: unixMicroseconds) }
        case .write(let file, let head, let body):
            if fails { return { $0.failed(.write(file), .broken, at: now) } }
            let bytes = ([head] + body).reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
            guard used + Self.space(bytes.readableBytes) <= capacity else {
                return { $0.failed(.write(file), .full, at: now) }
            }
            if files[file] != nil { faults.append("\(file) was written over") }
            files[file] = bytes
            return { $0.wrote(file) }
        case .rewrite(let file, let head):
            guard let old = files[file] else { return { $0.failed(.rewrite(file), .missing, at: now) } }
            if fails { return { $0.failed(.rewrite(file), .broken, at: now) } }
            files[file] = Self.overwritten(old, head, count: head.readableBytes)
            return { $0.rewrote() }
        case .remove(let file):
            if fails { return { $0.failed(.remove(file), .broken, at: now) } }
            guard files.removeValue(forKey: file) != nil else {
                return { $0.failed(.remove(file), .missing, at: now) }
            }
            return { $0.removed(file) }
        case .fails, .works, .recovered: return nil
        }
    }

    private static func overwritten(_ old: ByteBuffer, _ head: ByteBuffer, count: Int) -> ByteBuffer {
        var bytes = head.getSlice(at: head.readerIndex, length: count) ?? ByteBuffer()
        if let rest = old.getSlice(at: old.readerIndex + count, length: old.readableBytes - count) {
            bytes.writeImmutableBuffer(rest)
        }
        return bytes
    }

    /// What was given is lost; the step under way is done, half done or not done.
    mutating func crash(_ random: inout SeededGenerator) {
        if let work = queue.first {
            switch (work, Int.random(in: 0..<3, using: &random)) {
            case (.rewrite(let file, let head), 0):
                guard let old = files[file] else { break }
                files[file] = Self.overwritten(
                    old, head, count: Int.random(in: 0...head.readableBytes, using: &random))
            case (_, 1):
                _ = step(&random, at: .now, unixMicroseconds: 0)
            default: break
            }
        }
        queue.removeAll()
    }

    /// The bytes of a body; nil where the disk fails.
    func read(
        _ object: DiskTier.Object, _ random: inout SeededGenerator
    ) -> Result<ByteBuffer, SimulatedFailure> {
        if mood == .failing, Int.random(in: 0..<4, using: &random) > 0 { return .failure(.init(kind: .broken)) }
        guard let bytes = files[object.file]?.getSlice(at: object.bodyOffset, length: object.bodyBytes) else {
            return .failure(.init(kind: .missing))
        }
        return .success(bytes)
    }

    struct SimulatedFailure: Error { let kind: DiskFailure }
}

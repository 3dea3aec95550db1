import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Work on files, done before it returns: for threads that may wait for a disk, never for an event loop.
package enum BlockingFiles {
    // MARK: Reading

    /// Reads `count` bytes, all or none. Opened for each piece: a slow reader keeps no descriptor.
    package static func read(_ path: String, at offset: Int, count: Int) throws(FileError) -> ByteBuffer {
        let bytes = try read(path, at: offset, upTo: count)
        guard bytes.readableBytes == count else { throw FileError(operation: "read", path: path, code: ENODATA) }
        return bytes
    }

    /// Reads up to `count` bytes: fewer where the file ends.
    package static func read(_ path: String, at offset: Int, upTo count: Int) throws(FileError) -> ByteBuffer {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path) }
        defer { close(descriptor) }
        var bytes = ByteBuffer()
        bytes.reserveCapacity(count)
        while bytes.readableBytes < count {
            let missing = count - bytes.readableBytes
            let position = off_t(offset + bytes.readableBytes)
            var result = 0
            bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { target in
                result = pread(descriptor, target.baseAddress, missing, position)
                return max(0, result)
            }
            if result < 0, errno == EINTR { continue }
            guard result >= 0 else { throw FileError(operation: "read", path: path) }
            if result == 0 { break }
        }
        return bytes
    }

    /// Bytes in a file; nil when there is none.
    package static func size(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    // MARK: Writing

    /// Writes at `offset`, or at the end. A file begins anew at 0. Nothing of it is left when that fails. `isDurable`
    /// waits until the disk has it.
    package static func write(
        _ pieces: [ByteBuffer], to path: String, at offset: Int?, isDurable: Bool = false
    ) throws(FileError) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (offset == 0 ? O_TRUNC : 0) | (offset == nil ? O_APPEND : 0)
        var descriptor = open(path, flags, 0o640)
        if descriptor < 0, errno == ENOENT, let slash = path.lastIndex(of: "/") {
            try makeFolders(String(path[..<slash]))
            descriptor = open(path, flags, 0o640)
        }
        guard descriptor >= 0 else { throw FileError(operation: "create", path: path) }
        do throws(FileError) {
            if let offset, offset > 0, lseek(descriptor, off_t(offset), SEEK_SET) < 0 {
                throw FileError(operation: "write", path: path)
            }
            for piece in pieces { try write(piece, to: descriptor, path) }
            if isDurable, fsync(descriptor) != 0 { throw FileError(operation: "sync", path: path) }
        } catch {
            close(descriptor)
            unlink(path)
            throw error
        }
        // The file system may tell only now that there was no room.
        guard close(descriptor) == 0 else {
            let error = FileError(operation: "close", path: path)
            unlink(path)
            throw error
        }
    }

    /// Puts bytes in the place of those that a file begins with.
    package static func overwrite(_ bytes: ByteBuffer, in path: String) throws(FileError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path) }
        defer { close(descriptor) }
        try write(bytes, to: descriptor, path)
    }

    private static func write(_ bytes: ByteBuffer, to descriptor: Int32, _ path: String) throws(FileError) {
        var rest = bytes
        while rest.readableBytes > 0 {
            let count = rest.readWithUnsafeReadableBytes { readable in
                #if canImport(Glibc)
                    let count = Glibc.write(descriptor, readable.baseAddress, readable.count)
                #else
                    let count = Darwin.write(descriptor, readable.baseAddress, readable.count)
                #endif
                return (max(0, count), count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(operation: "write", path: path) }
        }
    }

    /// Gives a file another name, in the place of what had it.
    package static func rename(_ path: String, to other: String) throws(FileError) {
        #if canImport(Glibc)
            let code = Glibc.rename(path, other)
        #else
            let code = Darwin.rename(path, other)
        #endif
        guard code == 0 else { throw FileError(operation: "rename", path: path) }
    }

    package static func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 else { throw FileError(operation: "remove", path: path) }
    }

    // MARK: Folders

    /// Makes a folder and those that it lies in.
    package static func makeFolders(_ path: String) throws(FileError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for step in path.split(separator: "/") {
            made += made.isEmpty || made == "/" ? step : "/\(step)"
            if mkdir(made, 0o750) != 0, errno != EEXIST { throw FileError(operation: "make", path: made) }
        }
    }

    /// What a folder holds; nothing where it cannot be read.
    package static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a file, or a folder with everything in it.
    package static func removeTree(_ path: String) {
        if unlink(path) == 0 { return }
        // Names are read before any is removed: what readdir gives meanwhile is not said. A link is removed, never
        // followed.
        for child in names(in: path) { removeTree("\(path)/\(child)") }
        rmdir(path)
    }

    /// Makes a file this process's alone while its descriptor, which is returned, is open.
    package static func lock(_ path: String) throws(FileError) -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error = FileError(operation: "lock", path: path)
            close(descriptor)
            throw error
        }
        return descriptor
    }
}

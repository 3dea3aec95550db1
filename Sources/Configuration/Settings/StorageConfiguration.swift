/// Where the media of a channel is kept.
package struct StorageConfiguration: Equatable, Sendable {
    /// Bytes of one channel's media in memory. Beyond it the oldest segments go and the window gets shorter.
    package var memoryBytes = 512 << 20
    /// Where the media of all channels lies in files, `nowhere` for memory alone; nil for `media` in the state directory.
    package var directory: String?
    package static let nowhere = "none"
    /// Bytes of one channel's media in files.
    package var diskBytes = 64 << 30

    package init() {}

    init(_ section: Section) {
        memoryBytes = section.value("memory", .byteSize(1 << 20...1 << 40), standard: memoryBytes).value
        directory = section.optional("directory", .path("the path of a directory, or none")).value
        diskBytes = section.value("disk", .byteSize(1 << 20...1 << 50), standard: diskBytes).value
    }
}

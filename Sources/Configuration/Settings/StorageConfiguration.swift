/// Where the media of a channel is kept.
package struct StorageConfiguration: Equatable, Sendable {
    /// Bytes of one channel's media in memory. Beyond it the oldest segments go and the window gets shorter.
    package var memoryBytes = 512 << 20
    /// Where old segments of all channels move; nil when everything stays in memory.
    package var directory: String?
    /// Bytes of one channel's media in files.
    package var diskBytes = 64 << 30

    package init() {}

    init(_ section: Section) {
        memoryBytes = section.value("memory", .byteSize(1 << 20...1 << 40), standard: memoryBytes).value
        directory = section.optional("directory", .path("the path of a directory")).value
        diskBytes = section.value("disk", .byteSize(1 << 20...1 << 50), standard: diskBytes).value
    }
}

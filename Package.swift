// swift-tools-version:6.1
import PackageDescription

// Rooms, lowest floor first. A target imports only from floors below its own.
let package = Package(
    name: "needletail",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Event loops, channels and ByteBuffer: the I/O under every connection.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "Cryptography", dependencies: ["CCrypto"]),
    ],
    swiftLanguageModes: [.v6]
)

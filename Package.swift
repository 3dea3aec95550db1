// swift-tools-version:6.1
import PackageDescription

// Rooms, lowest floor first. A target imports only from floors below its own.
let package = Package(
    name: "needletail",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "needletail", targets: ["Needletail"]),
        .executable(name: "needletail-loadtest", targets: ["NeedletailLoadtest"]),
    ],
    dependencies: [
        // Event loops, channels and ByteBuffer: the I/O under every connection.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        // TLS: BoringSSL seals many records in one write, about twice as fast as Debian's OpenSSL.
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        // Logs, metrics and graceful stop: the interfaces that the ecosystem's libraries share.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        // The command line of every subcommand, with help made from its declaration.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        // YAML with the line and column of every node, which configuration mistakes are told by.
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CFFmpeg", pkgConfig: "libavformat", providers: [.apt(["libavformat-dev"])]),
        // The allocator's own calls, which Swift's view of the C library leaves out.
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Cryptography", dependencies: ["CCrypto"]),
        .target(name: "Compression", dependencies: ["CZlib", .product(name: "NIOCore", package: "swift-nio")]),
        .target(name: "Libav", dependencies: ["CFFmpeg", .product(name: "NIOCore", package: "swift-nio")]),
        .target(name: "Media", dependencies: [.product(name: "NIOCore", package: "swift-nio")]),
        .target(
            name: "RTMP", dependencies: ["Cryptography", .product(name: "NIOCore", package: "swift-nio")]),
        .target(name: "HLS", dependencies: [.product(name: "NIOCore", package: "swift-nio")]),
        .target(name: "Cache", dependencies: ["HTTP", .product(name: "NIOCore", package: "swift-nio")]),
        // What an origin or a shield pushes to edges: the subscription's state on both sides.
        .target(
            name: "Relay", dependencies: ["Cache", "HLS", "HTTP", .product(name: "NIOCore", package: "swift-nio")]),
        .target(name: "HTTP", dependencies: [.product(name: "NIOCore", package: "swift-nio")]),
        // Lines of an access log, byte by byte, and the thread that writes them.
        .target(name: "AccessLog", dependencies: ["HTTP"]),
        .target(
            name: "Wire",
            dependencies: [
                "AccessLog", "CMalloc", "CNghttp2", "HTTP",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .target(name: "Configuration", dependencies: [.product(name: "Yams", package: "Yams")]),
        .target(name: "Prometheus", dependencies: [.product(name: "CoreMetrics", package: "swift-metrics")]),
        // Work on files that blocks, for threads that may.
        .target(name: "Files", dependencies: [.product(name: "NIOCore", package: "swift-nio")]),
        .target(name: "Logs", dependencies: [.product(name: "Logging", package: "swift-log")]),
        .target(
            name: "Node",
            dependencies: [
                "AccessLog", "Cache", "HTTP", "Prometheus", "Relay", "Wire",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "Origin",
            dependencies: [
                "AccessLog", "Cache", "Compression", "Cryptography", "Files", "HLS", "HTTP", "Media", "Node",
                "Prometheus",
                "RTMP",
                "Relay", "Wire",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "Edge",
            dependencies: [
                "AccessLog", "Cache", "Compression", "Cryptography", "Files", "HLS", "HTTP", "Node", "Prometheus",
                "Relay",
                "Wire",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("WatchPage/Resources")]),
        .target(
            name: "Lint",
            dependencies: [
                "Compression", "HLS", "HTTP", "Wire",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .executableTarget(
            name: "Needletail",
            dependencies: [
                "AccessLog", "Configuration", "Cryptography", "Edge", "Lint", "Logs", "Media", "Node", "Origin",
                "Prometheus",
                "RTMP",
                "Wire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        // Real programs, nodes and browsers, started and stopped: shared by end-to-end tests and load tests.
        .target(
            name: "Harness",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "loadtest/Harness"),
        // What the load test decides: scenarios, the model of a viewer, measurements, reports.
        .target(
            name: "LoadtestCore",
            dependencies: ["Configuration", "HLS", .product(name: "NIOCore", package: "swift-nio")],
            path: "loadtest/Core"),
        .executableTarget(
            name: "NeedletailLoadtest",
            dependencies: [
                "Compression", "Configuration", "Cryptography", "HLS", "HTTP", "Harness", "Libav", "Lint",
                "LoadtestCore", "Node", "Origin", "RTMP", "Wire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "loadtest/Program"),
        .testTarget(
            name: "LoadtestTests",
            dependencies: [
                "Configuration", "HLS", "LoadtestCore", "Seeded", .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "HLS", "HTTP", "Harness", "Lint", "LintFaults", "LoadtestCore", "Needletail", "NeedletailLoadtest",
                "Wire",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            exclude: ["WatchPage/player-state-tests.js"]),
        .testTarget(name: "AccessLogTests", dependencies: ["AccessLog", "HTTP", "Seeded"]),
        .testTarget(
            name: "WireTests",
            dependencies: [
                "AccessLog", "Cryptography", "HTTP", "Harness", "Wire",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .testTarget(
            name: "NodeTests",
            dependencies: [
                "Node", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "OriginTests",
            dependencies: [
                "Compression", "Files", "HLS", "HTTP", "Harness", "Media", "Node", "Origin", "Prometheus", "Seeded",
                "Wire",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "RTMPTests",
            dependencies: ["Cryptography", "RTMP", "Seeded", .product(name: "NIOCore", package: "swift-nio")]),
        .testTarget(
            name: "MediaTests",
            dependencies: ["HLS", "Media", "RTMP", "Seeded", .product(name: "NIOCore", package: "swift-nio")],
            resources: [.copy("Corpus")]),
        // The random numbers of seeded tests.
        .target(name: "Seeded", path: "Tests/Seeded"),
        .testTarget(
            name: "CacheTests",
            dependencies: ["Cache", "HTTP", "Seeded", .product(name: "NIOCore", package: "swift-nio")]),
        .testTarget(
            name: "EdgeTests",
            dependencies: [
                "AccessLog", "Cache", "Compression", "Edge", "HTTP",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "RelayTests",
            dependencies: ["Cache", "HLS", "HTTP", "Relay", "Seeded", .product(name: "NIOCore", package: "swift-nio")]),
        .testTarget(
            name: "HLSTests", dependencies: ["HLS", "Seeded", .product(name: "NIOCore", package: "swift-nio")]),
        .testTarget(
            name: "LintTests",
            dependencies: [
                "HLS", "HTTP", "Lint", "LintFaults", .product(name: "NIOCore", package: "swift-nio"),
            ]),
        // A stream with one fault at a time, for the linter's tests in simulated time and over sockets.
        .target(
            name: "LintFaults",
            dependencies: [
                "Compression", "HLS", "HTTP", "Media", "Wire", .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Tests/LintFaults"),
        .testTarget(name: "LibavTests", dependencies: ["Libav", .product(name: "NIOCore", package: "swift-nio")]),
        .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"]),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography"]),
        .testTarget(
            name: "HTTPTests", dependencies: ["HTTP", "Seeded", .product(name: "NIOCore", package: "swift-nio")]),
        .testTarget(
            name: "PrometheusTests",
            dependencies: ["Prometheus", .product(name: "CoreMetrics", package: "swift-metrics")]),
        .testTarget(name: "LogsTests", dependencies: ["Logs", .product(name: "Logging", package: "swift-log")]),
        .testTarget(name: "CompressionTests", dependencies: ["Compression"]),
    ],
    swiftLanguageModes: [.v6]
)

import Testing

/// All tests with real processes, one after the other: a machine of two cores carries one fleet and one browser at a time.
@Suite(.serialized) enum EndToEnd {}

@testable import HTTP

extension MalformedRequest {
    static let framings: [MalformedRequest] = [
        // Content-Length.
        framing("an empty length", "Content-Length:", 400, .invalidContentLength),
        framing("a negative length", "Content-Length: -1", 400, .invalidContentLength),
        framing("a length with a plus", "Content-Length: +5", 400, .invalidContentLength),
        framing("a hexadecimal length", "Content-Length: 0x5", 400, .invalidContentLength),
        framing("a length with a fraction", "Content-Length: 5.0", 400, .invalidContentLength),
        framing("a length with an exponent", "Content-Length: 1e3", 400, .invalidContentLength),
        framing("a length with a word", "Content-Length: 5 bytes", 400, .invalidContentLength),
        framing("a length with an underscore", "Content-Length: 1_000", 400, .invalidContentLength),
        framing("a length with a space inside", "Content-Length: 1 0", 400, .invalidContentLength),
        framing("a quoted length", "Content-Length: \"5\"", 400, .invalidContentLength),
        framing("a list of equal lengths", "Content-Length: 5, 5", 400, .invalidContentLength),
        framing("a list of different lengths", "Content-Length: 5, 6", 400, .invalidContentLength),
        framing("a length and a comma", "Content-Length: 5,", 400, .invalidContentLength),
        framing("a length in other digits", "Content-Length: ٥", 400, .invalidContentLength),
        framing("a word for a length", "Content-Length: chunked", 400, .invalidContentLength),
        framing("a length of 2^63", "Content-Length: 9223372036854775808", 413, .contentLengthOverflow),
        framing("a length of 2^64", "Content-Length: 18446744073709551616", 413, .contentLengthOverflow),
        framing(
            "a length of 100 digits", "Content-Length: " + String(repeating: "9", count: 100), 413,
            .contentLengthOverflow),
        framing(
            "a length of many zeros", "Content-Length: " + String(repeating: "0", count: 100) + "5", 413,
            .contentLengthOverflow),
        framing("two equal lengths", "Content-Length: 5\r\nContent-Length: 5", 400, .repeatedContentLength),
        framing("two different lengths", "Content-Length: 5\r\nContent-Length: 6", 400, .repeatedContentLength),
        framing(
            "a zero and a length", "Content-Length: 0\r\nX: y\r\ncontent-length: 5", 400, .repeatedContentLength),
        framing("a length and nonsense", "Content-Length: 5\r\nContent-Length: x", 400, .repeatedContentLength),
        // Transfer-Encoding.
        framing("an empty coding", "Transfer-Encoding:", 400, .invalidTransferEncoding),
        framing("a coding of a comma", "Transfer-Encoding: ,", 400, .invalidTransferEncoding),
        framing("chunked and a comma", "Transfer-Encoding: chunked,", 400, .invalidTransferEncoding),
        framing("a comma and chunked", "Transfer-Encoding: , chunked", 400, .invalidTransferEncoding),
        framing("identity", "Transfer-Encoding: identity", 400, .invalidTransferEncoding),
        framing("gzip alone", "Transfer-Encoding: gzip", 400, .invalidTransferEncoding),
        framing("chunked before gzip", "Transfer-Encoding: chunked, gzip", 400, .invalidTransferEncoding),
        framing("chunked before identity", "Transfer-Encoding: chunked, identity", 400, .invalidTransferEncoding),
        framing("chunked twice in a line", "Transfer-Encoding: chunked, chunked", 400, .invalidTransferEncoding),
        framing("chunked with a parameter", "Transfer-Encoding: chunked;q=1", 400, .invalidTransferEncoding),
        framing("chunked with a semicolon", "Transfer-Encoding: chunked;", 400, .invalidTransferEncoding),
        framing("chunked in quotation marks", "Transfer-Encoding: \"chunked\"", 400, .invalidTransferEncoding),
        framing("chunked misspelt", "Transfer-Encoding: chunkedx", 400, .invalidTransferEncoding),
        framing("chunked with a letter before", "Transfer-Encoding: xchunked", 400, .invalidTransferEncoding),
        framing("chunked cut short", "Transfer-Encoding: chunke", 400, .invalidTransferEncoding),
        framing("chunked in two words", "Transfer-Encoding: chun ked", 400, .invalidTransferEncoding),
        framing("chunked behind a word", "Transfer-Encoding: x chunked", 400, .invalidTransferEncoding),
        framing("chunked with a colon", "Transfer-Encoding: : chunked", 400, .invalidTransferEncoding),
        framing("chunked behind a control character", "Transfer-Encoding: \u{b}chunked", 400, .invalidFieldValue),
        framing("chunked behind a NUL", "Transfer-Encoding: \0chunked", 400, .invalidFieldValue),
        framing("a long s in chunked", "Transfer-Encoding: ſchunked", 400, .invalidTransferEncoding),
        framing(
            "chunked on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400,
            .invalidTransferEncoding),
        framing(
            "chunked and identity on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400,
            .invalidTransferEncoding),
        framing(
            "gzip and chunked on two lines", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 400,
            .invalidTransferEncoding),
        framing("gzip, chunked", "Transfer-Encoding: gzip, chunked", 501, .unknownTransferCoding),
        framing("an invented coding", "Transfer-Encoding: cow, chunked", 501, .unknownTransferCoding),
        framing(
            "a length, then chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked", 400,
            .lengthAndTransferEncoding),
        framing(
            "chunked, then a length", "Transfer-Encoding: chunked\r\nContent-Length: 5", 400,
            .lengthAndTransferEncoding),
        framing(
            "chunked and a length of 0", "Transfer-Encoding: chunked\r\nContent-Length: 0", 400,
            .lengthAndTransferEncoding),
        framing(
            "a bad coding and a length", "Transfer-Encoding: x\r\nContent-Length: 5", 400,
            .lengthAndTransferEncoding),
        framing(
            "chunked and an empty length", "Transfer-Encoding: chunked\r\nContent-Length:", 400,
            .lengthAndTransferEncoding),
        Self(
            "chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
            .transferEncodingInHTTP10),
        Self(
            "chunked and a length in HTTP/1.0",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400,
            .transferEncodingInHTTP10),
        Self(
            "chunked for GET in HTTP/1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n", 400,
            .transferEncodingInHTTP10),
    ]

    static let chunkedBodies: [MalformedRequest] = [
        // Sizes.
        chunks("no size", "\r\nabc\r\n", 400, .invalidChunkSize),
        chunks("a size of letters", "xyz\r\n", 400, .invalidChunkSize),
        chunks("a negative size", "-1\r\n", 400, .invalidChunkSize),
        chunks("a size with a plus", "+3\r\nabc\r\n", 400, .invalidChunkSize),
        chunks("a size with 0x", "0x3\r\nabc\r\n", 400, .invalidChunkSize),
        chunks("a size with an underscore", "1_0\r\n", 400, .invalidChunkSize),
        chunks("a blank before the size", " 3\r\nabc\r\n", 400, .invalidChunkSize),
        chunks("a blank behind the size", "3 \r\nabc\r\n", 400, .invalidChunkSize),
        chunks("a tab behind the size", "3\t\r\nabc\r\n", 400, .invalidChunkSize),
        chunks("a blank before an extension", "3 ;a\r\nabc\r\n", 400, .invalidChunkSize),
        chunks("a comma behind the size", "3,\r\nabc\r\n", 400, .invalidChunkSize),
        chunks("a size of 2^60", "1000000000000000\r\n", 413, .chunkSizeOverflow),
        chunks("a size of 2^64 - 1", "ffffffffffffffff\r\n", 413, .chunkSizeOverflow),
        chunks("a size of 2^64 and 3", "10000000000000003\r\nabc\r\n", 413, .chunkSizeOverflow),
        chunks("a size of 17 digits", "00000000000000003\r\nabc\r\n", 413, .chunkSizeOverflow),
        chunks("a size with LF alone", "3\nabc\r\n", 400, .bareLineFeed),
        chunks("a size with a CR inside", "3\r;a\r\n", 400, .bareCarriageReturn),
        chunks("a CR first", "\r3\r\nabc\r\n", 400, .bareCarriageReturn),
        chunks("a size in other digits", "３\r\nabc\r\n", 400, .invalidChunkSize),
        chunks("no chunk but another request", "GET / HTTP/1.1\r\n", 400, .invalidChunkSize),
        // Extensions.
        chunks("an extension with LF alone", "3;a\nabc\r\n", 400, .bareLineFeed),
        chunks("an extension with a CR", "3;a\rb\r\nabc\r\n", 400, .bareCarriageReturn),
        chunks("an extension with a NUL", "3;a\0\r\nabc\r\n", 400, .invalidChunkExtension),
        chunks("an extension with a control character", "3;a\u{1}\r\nabc\r\n", 400, .invalidChunkExtension),
        chunks(
            "an extension of 257 bytes", "3;" + String(repeating: "e", count: 256) + "\r\nabc\r\n", 400,
            .chunkExtensionsTooLarge(limit: 256)),
        chunks(
            "an extension that never ends", "3;" + String(repeating: "e", count: 5000), 400,
            .chunkExtensionsTooLarge(limit: 256)),
        chunks(
            "a few bytes of extension on every chunk",
            String(repeating: "1;eeeeeeeeeeeeeee\r\na\r\n", count: 17) + "0\r\n\r\n", 400,
            .chunkExtensionsTooLarge(limit: 256)),
        // Ends.
        chunks("a chunk shorter than its bytes", "3\r\nabcd\r\n", 400, .chunkNotTerminated),
        chunks("a chunk longer than its bytes", "5\r\nabc\r\n0\r\n\r\n", 400, .chunkNotTerminated),
        chunks("a chunk that ends with LF alone", "3\r\nabc\n0\r\n\r\n", 400, .chunkNotTerminated),
        chunks("a chunk that ends with CR alone", "3\r\nabc\r0\r\n\r\n", 400, .chunkNotTerminated),
        chunks("a chunk that does not end", "3\r\nabc0\r\n\r\n", 400, .chunkNotTerminated),
        // Trailers.
        chunks("a length in the trailer", "0\r\nContent-Length: 5\r\n\r\n", 400, .forbiddenTrailer),
        chunks("chunked in the trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, .forbiddenTrailer),
        chunks("Host in the trailer", "0\r\nHost: b\r\n\r\n", 400, .forbiddenTrailer),
        chunks("Authorization in the trailer", "0\r\nAuthorization: Basic x\r\n\r\n", 400, .forbiddenTrailer),
        chunks("Connection in the trailer", "0\r\nConnection: close\r\n\r\n", 400, .forbiddenTrailer),
        chunks("Cookie in the trailer", "0\r\nX: y\r\nCookie: a=b\r\n\r\n", 400, .forbiddenTrailer),
        chunks("Content-Type in the trailer", "0\r\nCONTENT-TYPE: text/html\r\n\r\n", 400, .forbiddenTrailer),
        chunks("a trailer with LF alone", "0\r\nX: y\n\r\n", 400, .bareLineFeed),
        chunks("an end of LF alone", "0\r\n\n", 400, .bareLineFeed),
        chunks("a folded trailer", "0\r\nX: y\r\n z\r\n\r\n", 400, .foldedLine),
        chunks("a trailer without a colon", "0\r\nX\r\n\r\n", 400, .missingColon),
        chunks("a blank before a trailer's colon", "0\r\nX : y\r\n\r\n", 400, .blankBeforeColon),
        chunks("a NUL in a trailer", "0\r\nX: \0\r\n\r\n", 400, .invalidFieldValue),
        chunks(
            "a trailer section too large", "0\r\nX: " + String(repeating: "t", count: 4096) + "\r\n\r\n", 431,
            .trailerTooLarge(limit: 4096)),
        chunks(
            "101 trailer lines", "0\r\n" + String(repeating: "x: y\r\n", count: 101) + "\r\n", 431,
            .tooManyFields(limit: 100)),
    ]
}

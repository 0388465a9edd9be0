//! Pictures: decode, crop, resize, stitch, encode; on worker threads.
